"""The runner dies by SIGKILL in the middle of a tool: the call is held, and a person says what was.

What had ended before in the same node is answered from the journal.
"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents.models import Effect, Interrupt, Run, Thread
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.services import runs
from tests.factories import decide
from tests.faults.conftest import AGENTS, Effects
from tests.faults.reviewing import pause, wait_for_end
from tests.pauses.desk import APPROVE
from tests.processes import wait_until

TOOLS = AGENTS.with_name("paying.langgraph.json")
NOTED: dict[str, object] = {"effect": "noted", "text": "3 EUR"}
ASKED: dict[str, object] = {"effect": "asked the bank"}
PAID: dict[str, object] = {"effect": "paid", "amount": 3}


@pytest.fixture
def console(start_console):
    """A console that gives a lost runner's run to the next one soon."""
    return start_console(RUNNER_LEASE_SECONDS="3", RUNNER_DISCONNECT_GRACE_SECONDS="1")


def journal(thread: Thread) -> list[tuple[str, str, int]]:
    """Tool, status and number of each execution, oldest first."""
    rows = Effect.objects.filter(thread=thread).order_by("pk")
    return [(row.tool, row.status, row.number) for row in rows]


def settled(asked: Interrupt, user: User, decision: ActionDecision) -> Thread:
    """The thread, once it has ended with what was said of its call in doubt."""
    decide(asked, user, decision)
    run = wait_for_end(asked.thread)
    assert run.status == Run.Status.SUCCEEDED, run.message
    return Thread.objects.get(pk=run.thread_id)


def test_calls_that_were_cut_off_do_what_a_person_says(
    console, start_runner, effects: Effects, alice: User
):
    effects.hold.touch()
    first = start_runner(console, "first", TOOLS)
    paying = runs.start(agent="pay", input={"amount": 3}, user=None).thread
    wait_until("the first tool works", lambda: effects.read() == [NOTED, ASKED])
    sending = runs.start(agent="send", input={"amount": 3}, user=None).thread
    wait_until("so does the second", lambda: effects.read() == [NOTED, ASKED, NOTED, PAID])
    first.kill()
    effects.hold.unlink()
    start_runner(console, "second", TOOLS)
    asked_before, asked_after = pause(paying), pause(sending)
    newest = Effect.objects.filter(thread=sending).first()
    assert newest is not None
    assert asked_after.value["doubt"] == {
        "effect": newest.pk,
        "tool": "send",
        "started_at": newest.started_at.isoformat(),
        "runner": newest.runner.name if newest.runner else "",
        "what": "no_end",
        "error": "",
    }

    result = ActionDecision(DecisionType.RESPOND, answer={"paid": 3}, shape=AnswerShape.JSON)
    sending = settled(asked_after, alice, result)  # it had paid, as the bank says
    assert effects.read() == [NOTED, ASKED, NOTED, PAID]
    assert sending.snapshot["done"] == ["noted 3 EUR", {"paid": 3}]
    assert journal(sending) == [("note", "finished", 1), ("send", "given", 1)]

    paying = settled(asked_before, alice, APPROVE)  # it had not, and may run again
    assert effects.read() == [NOTED, ASKED, NOTED, PAID, ASKED, PAID]
    assert paying.snapshot["done"] == ["noted 3 EUR", {"paid": 3}]
    assert journal(paying) == [
        ("note", "finished", 1),
        ("pay", "in_doubt", 1),
        ("pay", "finished", 2),
    ]
