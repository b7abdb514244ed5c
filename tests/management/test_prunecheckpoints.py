"""`manage.py prunecheckpoints`: what it takes, and what it says."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from agents.models import Checkpoint, Thread
from tests.factories import connect_runner
from tests.services.histories import History
from tests.services.saving import put, save


def run(*arguments: str) -> list[str]:
    """The lines that the command prints."""
    out = StringIO()
    call_command("prunecheckpoints", *arguments, stdout=out)
    return out.getvalue().splitlines()


def long_ago(name: str) -> Thread:
    """A thread of four steps that ended 100 days ago."""
    history = History()
    for number in range(4):
        history.add(f"1ef{number}", f"1ef{number - 1}" if number else None, {"x": number})
    history.end()
    Thread.objects.filter(pk=history.thread.pk).update(thread_id=name)
    return history.thread


def test_it_says_what_went_and_why_nothing_did(db):
    pruned, other = long_ago("one"), long_ago("two")
    save(connect_runner(), put("1ef0", thread="agents-own"))
    Checkpoint.objects.update(created_at="2026-01-01T00:00:00Z")
    went = "2 checkpoints, 2 values, 0 writes, 0 parts"
    left = "agents-own: left alone, an agent writes it without runs"

    total = "Would remove 4 checkpoints, 4 values, 0 writes, 0 parts."
    assert run("--older-than", "30d", "--keep", "1", "--dry-run") == [
        f"one: {went}", f"two: {went}", left, total
    ]  # fmt: skip
    assert run("--older-than", "30d", "--keep", "1", "--thread", "one") == [
        f"one: {went}", f"Removed {went}."
    ]  # fmt: skip
    assert [thread.checkpoints.count() for thread in (pruned, other)] == [2, 4]


def test_twenty_are_kept_where_nothing_is_said(db):
    thread = long_ago("one")
    run("--older-than", "12h")
    assert thread.checkpoints.count() == 4


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "the following arguments are required: --older-than"),
        (["--older-than", "30"], "'30' is no age: write 12h, 30d or 8w"),
        (["--older-than", "1w", "--keep", "0"], "'0' is no number of checkpoints: keep 1 or more"),
        (["--older-than", "1w", "--thread", "x"], "There is no thread 'x'."),
    ],
)
def test_what_cannot_be_used(db, arguments: list[str], why: str):
    with pytest.raises(CommandError, match=why):
        run(*arguments)
