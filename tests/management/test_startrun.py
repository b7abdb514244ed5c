"""`manage.py startrun`"""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from agents.models import Run
from tests.factories import finish, make_agent, make_interrupt, start_run, take


def run(*arguments):
    output = StringIO()
    call_command("startrun", *arguments, stdout=output)
    return json.loads(output.getvalue())


def test_a_run_is_queued_and_its_place_is_printed(db):
    make_agent()
    printed = run("operations", "--input", '{"id": 1152921504606846977}', "--title", "Order 8812")
    queued = Run.objects.get()
    assert printed == {"thread": queued.thread.thread_id, "run": queued.pk}
    assert (queued.status, queued.input) == ("queued", {"id": 2**60 + 1})
    assert (queued.created_by, queued.thread.title) == (None, "Order 8812")


def test_a_thread_goes_on(db):
    before = start_run()
    take(before)
    finish(before)
    printed = run("operations", "--input", "5", "--thread", before.thread.thread_id)
    assert printed["thread"] == before.thread.thread_id
    assert Run.objects.get(pk=printed["run"]).input == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("operations", "--input", "{"),
            "--input is not JSON (Line 1, column 2: Expecting",
        ),
        (
            ("operations", "--input", "[" * 100_000),
            "--input is not JSON (The value is nested",
        ),
        (("operations", "--input", "null"), "This run cannot be started. input: Give the agent"),
        (("operations", "--input", str(2**64)), "This run cannot be started. input: this value"),
        (("unknown", "--input", "1"), "No agent named 'unknown': connect a runner"),
        (("operations", "--input", "1", "--thread", "none"), "Agent 'operations' has no thread"),
        (("operations",), "Error: the following arguments are required: --input"),
    ],
    ids=["json", "deep", "null", "large", "agent", "thread", "arguments"],
)
def test_a_run_that_cannot_be_started_says_why(db, arguments, said):
    make_agent()
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert str(error.value)[: len(said)] == said
    assert Run.objects.count() == 0


def test_a_thread_that_waits_is_refused(db):
    thread = make_interrupt().thread
    with pytest.raises(CommandError, match="waits for a decision; decide it first"):
        run("operations", "--input", "1", "--thread", thread.thread_id)
