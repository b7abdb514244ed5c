"""LangChain's trap: its review middleware lets a rejected call through, in two ways.

Another middleware jumps to the tools, or the condition of the review is another one when the run
goes on. The runner refuses the call all the same, and the thread shows that it was tried.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.models import Run, Violation
from agents.reviews import ActionDecision
from agents.services import runs
from tests.factories import decide
from tests.faults.agents import let_through
from tests.faults.conftest import AGENTS, Effects
from tests.faults.reviewing import pause, wait_for_end
from tests.pauses.desk import APPROVE, edit, reject

LET_THROUGH = AGENTS.with_name("let_through.langgraph.json")
SAID: Any = {"messages": [{"role": "user", "content": "Pay."}]}
KINDS = ["jumping", "flipping", "flipping_per_call"]
PAID = {"effect": "paid", "amount": 1_000_000}


@pytest.mark.parametrize("kind", KINDS)
def test_langchain_lets_a_rejected_call_through(kind: str, stock: Any, effects: Effects):
    graph = getattr(let_through, kind)(checkpointer=InMemorySaver())
    graph.invoke(SAID, stock)
    effects.hold.touch()
    rejected: dict[str, Any] = {"type": "reject", "message": "no"}
    (asked,) = graph.get_state(stock).interrupts
    answer = rejected if kind == "flipping_per_call" else {"decisions": [rejected]}
    graph.invoke(Command(resume={asked.id: answer}), stock)
    assert effects.read() == [PAID]


def ended(kind: str, user: User, effects: Effects, decision: ActionDecision) -> Run:
    """The end of a run whose only call was decided so, and let through by its middleware."""
    thread = runs.start(agent=kind, input=SAID, user=None).thread
    asked = pause(thread)
    effects.hold.touch()
    decide(asked, user, decision)
    return wait_for_end(thread)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rejected_call_is_refused_and_the_thread_shows_it(
    kind: str, console, start_runner, effects: Effects, alice: User
):
    start_runner(console, agents=LET_THROUGH)
    run = ended(kind, alice, effects, reject("no"))
    assert (run.status, run.message) == (Run.Status.SUCCEEDED, "")
    assert effects.read() == []
    (violation,) = Violation.objects.all()
    message = "alice rejected this call of pay. The tool was not executed."
    assert (violation.run, violation.message, violation.args) == (
        run, message, {"amount": 1_000_000},
    )  # fmt: skip
    page = signed_in(alice).get(f"/threads/{run.thread_id}/").text
    (shown,) = re.findall(r'class="banner violation".*?</details>', page, re.DOTALL)
    assert message in shown


def test_an_edited_call_does_not_run_as_it_was_proposed(
    console, start_runner, effects: Effects, alice: User
):
    start_runner(console, agents=LET_THROUGH)
    run = ended("flipping", alice, effects, edit(amount=1))
    assert effects.read() == []
    (violation,) = Violation.objects.all()
    assert (violation.run, violation.verdict.type) == (run, "edit")
    assert violation.message == (
        "alice decided on this call of pay with other arguments. The tool was not executed."
    )


def test_an_approved_call_runs(console, start_runner, effects: Effects, alice: User):
    start_runner(console, agents=LET_THROUGH)
    ended("flipping", alice, effects, APPROVE)
    assert effects.read() == [PAID]
    assert not Violation.objects.exists()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
