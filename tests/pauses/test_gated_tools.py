"""Row 16: tools that an admin marked, in agents whose graphs never pause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from agents.models import Agent, Gate, Thread, Violation
from agents.roles import ADMINS
from agents.services import tool_settings
from tests.conftest import person
from tests.pauses.desk import APPROVE, Desk, call, edit, receipts, reject, respond, said
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = ["tool_node", "hand_written", "created", "deep_agent"]
BY_HAND = "hand_written"  # it knows no call ids
DELETE = call("delete_file", path="/exports")
LOOK_UP = call("look_up", word="lamp")


@pytest.fixture(scope="module")
def agents() -> Path:
    """A runner of its own: deep agents take seconds to import."""
    return Path(__file__).parent / "agents" / "gated.langgraph.json"


@pytest.fixture(scope="module")
def admin(lasting_db: None) -> User:
    """An admin of this module."""
    return person("ada", ADMINS, is_staff=True)


def set_gate(agent: str, gate: Gate, admin: User, tool: str = "delete_file") -> None:
    pk = Agent.objects.values_list("pk", flat=True).get(name=agent)
    tool_settings.set_gate(agent=pk, tool=tool, gate=gate, user=admin)


@pytest.fixture(params=KINDS)
def held(request: pytest.FixtureRequest, desk: Desk, admin: User) -> Iterator[str]:
    """An agent, one of whose tools is always reviewed."""
    wait_until("the agents are there", Agent.objects.filter(name=request.param).exists)
    set_gate(request.param, Gate.ALWAYS, admin)
    yield request.param
    set_gate(request.param, Gate.AGENT, admin)


def result(desk: Desk, thread: Thread) -> str:
    """What came of the first call."""
    return desk.tool_messages(thread)["call_1"]


def test_16_a_marked_tool_is_held_and_another_is_not(held: str, desk: Desk):
    thread = desk.start(held, said(DELETE, LOOK_UP))
    asked = desk.question(thread)
    assert (asked.dialect, asked.actions, asked.value["args"]) == (
        "per_call", 1, {"path": "/exports"},
    )  # fmt: skip
    assert asked.value["gate"] == "console"
    assert asked.value["tool_call_id"] == (None if held == BY_HAND else "call_1")
    assert "delete_file" not in desk.names(thread)

    desk.decide(asked, APPROVE)
    assert result(desk, thread) == "deleted /exports"
    assert desk.names(thread).count("delete_file") == 1
    assert receipts([asked]) == ["applied"]
    assert not Violation.objects.filter(run__thread=thread).exists()


def test_16_an_edit_runs_with_what_the_reviewer_wrote(held: str, desk: Desk):
    thread = desk.start(held, said(DELETE))
    desk.decide(desk.question(thread), edit(path="/exports/old"))
    assert result(desk, thread) == "deleted /exports/old"
    assert desk.deeds(thread) == [{"deed": "delete_file", "path": "/exports/old"}]
    assert not Violation.objects.filter(run__thread=thread).exists()


def test_16_a_rejection_is_a_tool_message_and_the_run_goes_on(held: str, desk: Desk):
    thread = desk.start(held, said(DELETE))
    desk.decide(desk.question(thread), reject("keep them"))
    assert result(desk, thread) == (
        "User rejected the tool call for `delete_file` with reason: keep them"
    )
    assert desk.deeds(thread) == []
    assert not Violation.objects.filter(run__thread=thread).exists()


def test_16_words_may_stand_for_the_result(held: str, desk: Desk):
    thread = desk.start(held, said(DELETE))
    desk.decide(desk.question(thread), respond("they are gone already"))
    assert result(desk, thread) == "they are gone already"
    assert desk.deeds(thread) == []


@pytest.mark.parametrize("kind", KINDS)
def test_16_a_blocked_tool_does_not_run_and_says_who_blocked_it(kind: str, desk: Desk, admin: User):
    set_gate(kind, Gate.NEVER, admin)
    try:
        thread = desk.start(kind, said(DELETE))
        assert result(desk, thread).startswith("ada blocked delete_file on ")
        assert desk.deeds(thread) == []
    finally:
        set_gate(kind, Gate.AGENT, admin)
    thread = desk.start(kind, said(DELETE))
    assert result(desk, thread) == "deleted /exports"


@pytest.mark.parametrize("kind", KINDS)
def test_16_a_tool_that_is_blocked_after_its_approval_does_not_run(
    kind: str, desk: Desk, admin: User
):
    set_gate(kind, Gate.ALWAYS, admin)
    try:
        thread = desk.start(kind, said(DELETE))
        asked = desk.question(thread)
        set_gate(kind, Gate.NEVER, admin)
        desk.decide(asked, APPROVE)
        assert result(desk, thread).startswith("ada blocked delete_file on ")
        assert desk.deeds(thread) == []
    finally:
        set_gate(kind, Gate.AGENT, admin)


def test_16_calls_side_by_side_each_get_their_own_decision(desk: Desk, admin: User):
    set_gate("created", Gate.ALWAYS, admin)
    try:
        thread = desk.start("created", said(DELETE, call("delete_file", path="/tmp"), LOOK_UP))
        first, second = sorted(desk.asked(thread), key=lambda asked: asked.value["tool_call_id"])
        desk.decide(first, reject("not these"))
        desk.decide(second, APPROVE)
        assert desk.tool_messages(thread)["call_2"] == "deleted /tmp"
        assert sorted(desk.names(thread)) == ["delete_file", "look_up"]
    finally:
        set_gate("created", Gate.AGENT, admin)
