"""Breakpoints that hold, and contexts that are passed again, where their past was cut or copied."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents.history.breakpoints import Stop
from agents.models import Checkpoint, Thread
from agents.services import copies, pruning, thread_deletion, travel
from tests.pauses.desk import APPROVE, call, reject, said
from tests.time_travel.travelling import Traveller

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = said(call("send_email", to="bob@example.com", subject="Hi"))
STOPPED = pytest.mark.parametrize("agent", ["after_chatbot", "before_tools"])


def prune(thread: Thread) -> None:
    """Remove all that may go."""
    soon = timezone.now() + timedelta(days=1)
    pruning.prune(thread=thread.pk, before=soon, keep=1)


STOPS = {
    "after_chatbot": Stop("after", ("chatbot",), ("tools",), is_sure=True),
    "before_tools": Stop("before", ("tools",), ("tools",), is_sure=True),
}


def foreseen(thread: Thread, checkpoint_id: str) -> Stop | None:
    """The stop that a person is told of who would go back there; nothing runs first, either way."""
    place: dict[str, Any] = {"thread": thread.pk, "checkpoint_id": checkpoint_id}
    replayed, stays = travel.foresee(**place), travel.foresee(**place, stays=True)
    assert (replayed.first, stays.first, stays.stop) == ((), (), replayed.stop)
    return replayed.stop


@STOPPED
@pytest.mark.parametrize(("decision", "deeds"), [(APPROVE, ["send_email"]), (reject("no"), [])])
def test_a_pause_at_a_breakpoint_is_decided_after_pruning(desk: Traveller, agent, decision, deeds):
    thread = desk.start(agent, MAIL)
    asked = desk.question(thread)
    before = thread.checkpoints.count()
    prune(thread)
    assert thread.checkpoints.count() < before
    desk.decide(asked, decision)
    while desk.settled(thread).status == "interrupted":
        desk.decide(desk.question(thread))  # after the words that follow the rejection
    desk.finished(thread)
    assert desk.names(thread) == deeds


@STOPPED
def test_a_replay_after_pruning_asks(desk: Traveller, agent):
    thread = desk.start(agent, MAIL)
    asked = desk.question(thread)
    desk.decide(asked, APPROVE)
    desk.finished(thread)
    prune(thread)
    assert foreseen(thread, asked.checkpoint_id) == STOPS[agent]
    desk.replay(thread, asked.checkpoint_id)
    assert desk.question(thread).value == asked.value
    assert desk.names(thread) == ["send_email"]


@STOPPED
def test_a_replay_in_a_copy_of_a_replay_asks(desk: Traveller, agent):
    thread = desk.start(agent, MAIL)
    asked = desk.question(thread)
    desk.replay(thread, asked.checkpoint_id)
    again = desk.question(thread)
    copy = copies.fork_thread(thread=thread.pk, checkpoint_id=again.checkpoint_id, user=desk.alice)
    assert foreseen(copy, again.checkpoint_id) == STOPS[agent]
    desk.replay(copy, again.checkpoint_id)
    assert desk.question(copy).value == asked.value
    assert desk.names(copy) == []


def test_where_nothing_tells_what_ran_a_person_is_asked(desk: Traveller):
    thread = desk.start("after_chatbot", MAIL)
    asked = desk.question(thread)
    parent = thread.checkpoints.get(checkpoint_id=asked.checkpoint_id).parent_id
    Checkpoint.objects.filter(thread=thread, checkpoint_id=parent).delete()
    assert foreseen(thread, asked.checkpoint_id) == STOPS["after_chatbot"]
    desk.replay(thread, asked.checkpoint_id)
    again = desk.question(thread)
    assert (again.value, desk.names(thread)) == (asked.value, [])
    desk.decide(again, APPROVE)
    desk.finished(thread)
    assert desk.names(thread) == ["send_email"]


def test_a_copy_keeps_its_context_when_its_source_is_deleted(desk: Traveller, ada: User):
    thread = desk.start("steps", {"text": "0 "}, context={"tenant": "acme"})
    desk.finished(thread)
    checkpoint = desk.before(thread, "second")
    copy = copies.fork_thread(thread=thread.pk, checkpoint_id=checkpoint, user=desk.alice)
    thread_deletion.delete(thread=thread.pk, user=ada)
    desk.replay(copy, checkpoint)
    desk.finished(copy)
    assert [deed["tenant"] for deed in desk.deeds(copy)] == ["acme", "acme"]
