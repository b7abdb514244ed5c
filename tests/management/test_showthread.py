"""`manage.py showthread`"""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from agents.models import Thread
from tests.factories import (
    QUESTION,
    apply,
    decide,
    fail,
    finish,
    make_interrupt,
    pause,
    start_run,
    take,
)


def show(thread):
    output = StringIO()
    call_command("showthread", thread.thread_id, stdout=output)
    return json.loads(output.getvalue())


def test_a_waiting_thread_says_what_it_waits_for(db):
    run = start_run(title="Order 8812")
    (interrupt,) = pause(run, node="ask", snapshot={"id": 2**60, "rate": 1.0})
    assert show(run.thread) == {
        "thread": run.thread.thread_id,
        "agent": "operations",
        "title": "Order 8812",
        "status": "interrupted",
        "values": {"id": {"$int": "1152921504606846976"}, "rate": {"$float": "1.0"}},
        "next": ["ask"],
        "interrupts": [
            {
                "id": interrupt.pk,
                "run": run.pk,
                "status": "pending",
                "kind": "interrupt",
                "node": "ask",
                "value": QUESTION,
                "fingerprint": interrupt.fingerprint,
            }
        ],
        "runs": [
            {
                "id": run.pk,
                "trigger": "start",
                "status": "interrupted",
                "attempt": 1,
                "error": "",
                "message": "",
            }
        ],
        "decisions": [],
    }


def test_a_finished_thread_tells_its_whole_story(alice):
    interrupt = make_interrupt()
    decision = decide(interrupt, alice)
    take(decision.run)
    apply(decision.run)
    finish(decision.run, {"answer": 42})
    again = start_run(thread=interrupt.thread.thread_id)
    take(again)
    fail(again)
    shown = show(interrupt.thread)
    assert (shown["status"], shown["values"], shown["next"]) == ("error", {"answer": 42}, [])
    assert [(item["id"], item["status"]) for item in shown["interrupts"]] == [
        (interrupt.pk, "applied")
    ]
    assert [
        (run["trigger"], run["status"], run["error"], run["message"]) for run in shown["runs"]
    ] == [
        ("start", "interrupted", "", ""),
        ("resume", "succeeded", "", ""),
        ("start", "failed", "ValueError", "no such order"),
    ]
    assert shown["decisions"] == [
        {
            "interrupt": interrupt.pk,
            "run": decision.run.pk,
            "by": "alice",
            "status": "applied",
            "actions": [{"type": "respond", "answer": "Ask Bob.", "shape": "data"}],
            "resume": {"data": "Ask Bob."},
            "summary": "answered: Ask Bob.",
        }
    ]


def test_a_new_thread_has_nothing_to_tell(db):
    thread = Thread.objects.get(pk=start_run().thread_id)
    shown = show(thread)
    assert (shown["status"], shown["values"], shown["next"]) == ("busy", None, [])


def test_an_unknown_thread_is_refused(db):
    with pytest.raises(CommandError, match="There is no thread 'none'"):
        call_command("showthread", "none")
