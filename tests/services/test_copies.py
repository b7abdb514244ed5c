"""Forks into new threads: what the new thread is, and that the old one stays as it was."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents.exceptions import NotAllowed, NotFound
from agents.models import Interrupt, Thread
from agents.services import copies
from agents.services.travel import SAME_ORDER
from tests.services.histories import History, stored
from tests.services.saving import chat


@pytest.fixture
def history(db: None) -> History:
    """Two steps, and a question at the second."""
    history = History()
    history.add("1ef1", None, {"messages": [1, 2]})
    history.add("1ef2", "1ef1", {"messages": [1, 2, 3]})
    history.ask("1ef2")
    history.end()
    Thread.objects.filter(pk=history.thread.pk).update(title="Refunds", metadata={"team": "blue"})
    return history


def test_the_new_thread_stands_at_the_checkpoint(history: History, olga: User):
    before = stored(history.thread)
    copy = copies.fork_thread(
        thread=history.thread.pk, checkpoint_id="1ef1", user=olga, reason="another customer"
    )
    copy.refresh_from_db()
    assert (copy.title, copy.metadata, copy.status) == ("Fork of Refunds", {"team": "blue"}, "idle")
    assert (copy.copied_from, copy.copied_checkpoint_id) == (history.thread, "1ef1")
    assert (copy.copied_because, copy.created_by) == ("another customer", olga)
    assert (copy.snapshot, copy.snapshot_checkpoint_id) == ({"messages": chat(1, 2)}, "1ef1")
    assert set(stored(copy)) == {("", "1ef1")}
    assert not copy.runs.exists()
    assert copy.checkpoints.get().run == history.run
    assert stored(history.thread) == before


def test_questions_are_not_copied(history: History, olga: User):
    copies.fork_thread(thread=history.thread.pk, checkpoint_id="1ef2", user=olga)
    assert Interrupt.objects.count() == 1


def test_it_is_found_by_its_words(history: History, olga: User):
    copy = copies.fork_thread(
        thread=history.thread.pk, checkpoint_id="1ef1", user=olga, title="Another try"
    )
    assert list(Thread.objects.matching("another 2 blu")) == [copy]


def test_a_form_that_is_sent_twice_is_one_order(history: History, olga: User):
    order: dict[str, Any] = {"thread": history.thread.pk, "checkpoint_id": "1ef1", "user": olga}
    first = copies.fork_thread(**order)
    assert copies.fork_thread(**order) == first
    assert copies.fork_thread(**order, reason="another try") != first
    Thread.objects.update(created_at=timezone.now() - SAME_ORDER)
    assert copies.fork_thread(**order) != first


def test_only_operators(history: History, alice: User):
    with pytest.raises(NotAllowed):
        copies.fork_thread(thread=history.thread.pk, checkpoint_id="1ef1", user=alice)


def test_what_is_not_there(history: History, olga: User):
    """An unknown checkpoint, one of another thread, an unknown thread: one and the same."""
    other = History().thread.pk
    said = set()
    for thread, checkpoint_id in ((history.thread.pk, "x"), (other, "1ef1"), (0, "1ef1")):
        with pytest.raises(NotFound) as error:
            copies.fork_thread(thread=thread, checkpoint_id=checkpoint_id, user=olga)
        said.add(str(error.value))
    assert len(said) == 1
