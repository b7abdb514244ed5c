"""Copied histories: the way to a checkpoint with all that it is made of, and nothing besides."""

from dataclasses import replace
from typing import Any

import pytest

from agents.models import Blob, Part, Thread
from agents.services.copied_rows import copy_rows
from agents.services.value_references import parts_in
from tests.factories import make_agent
from tests.services.histories import History, stored


@pytest.fixture
def history(db: None) -> History:
    """Two branches from 1ef2; graphs inside of 1ef1 and 1ef3."""
    history = History()
    history.add("1ef1", None, {"x": [1, 2], "y": 1})
    history.write("1ef1", [1, 2, 3])
    history.add("1ef11", None, {"x": [7, 8]}, ns="sub:1", root="1ef1")
    history.write("1ef11", [7, 8, 9], ns="sub:1")
    history.add("1ef2", "1ef1", {"x": [1, 2, 3]})
    history.write("1ef2", [4, 5])
    history.add("1ef3", "1ef2", {"x": [1, 2, 3, 4]})
    history.write("1ef3", [6, 5])
    history.add("1ef31", None, {"x": [0, 8]}, ns="sub:3", root="1ef3")
    history.add("1ef4", "1ef2", {"x": [1, 9]})
    history.end()
    return history


@pytest.fixture
def target(history: History) -> Thread:
    """A thread without a history."""
    return Thread.objects.create(agent=make_agent(), thread_id="copy")


def renamed(history: History, thread: Thread) -> dict[tuple[str, str], Any]:
    """What a runner reads of the source, under the name of the copy."""
    return {place: replace(each, thread="copy") for place, each in stored(history.thread).items()}


def test_the_whole_thread(history: History, target: Thread):
    before = stored(history.thread)
    copy_rows(source=history.thread, target=target)
    assert stored(target) == renamed(history, target)
    assert stored(history.thread) == before


def test_the_way_to_a_checkpoint(history: History, target: Thread):
    source = renamed(history, target)
    copy_rows(source=history.thread, target=target, checkpoint_id="1ef3")
    copied = stored(target)
    assert set(copied) == {("", "1ef1"), ("", "1ef2"), ("", "1ef3"), ("sub:1", "1ef11")}
    last = copied.pop(("", "1ef3"))
    assert copied == {place: source[place] for place in copied}
    assert (last.values, last.writes) == (source["", "1ef3"].values, ())


def test_only_the_parts_it_is_made_of(history: History, target: Thread):
    copy_rows(source=history.thread, target=target, checkpoint_id="1ef1")
    numbers = set(Part.objects.filter(thread=target).values_list("seq", flat=True))
    assert numbers == parts_in(Blob.objects.filter(thread=target))
    assert len(numbers) == 2


def test_parts_go_on_being_numbered_where_the_source_stood(history: History, target: Thread):
    copy_rows(source=history.thread, target=target, checkpoint_id="1ef1")
    source, copy = Thread.objects.get(pk=history.thread.pk), Thread.objects.get(pk=target.pk)
    assert (copy.part_next, copy.part_epoch) == (source.part_next, source.part_epoch)


def test_what_a_replay_began_with_tells_where_a_breakpoint_is(db: None):
    """The replayed checkpoint and the way to it are copied too; of both ends nothing beside."""
    history = History()
    history.add("1ef1", None, {"x": 1})
    history.write("1ef1", 1)
    history.add("1ef2", "1ef1", {"x": 2})
    history.write("1ef2", 2)
    copied = {"source": "fork", "reviewconsole_from": "1ef2"}
    history.add("1ef3", "1ef1", {}, metadata=copied)
    history.write("1ef3", 3)
    history.end()
    target = Thread.objects.create(agent=make_agent(), thread_id="copy")
    copy_rows(source=history.thread, target=target, checkpoint_id="1ef3")
    writes = {place[1]: len(each.writes) for place, each in stored(target).items() if each}
    assert writes == {"1ef1": 1, "1ef2": 0, "1ef3": 0}


def test_a_circle_of_parents_ends(db: None):
    history = History()
    history.add("1ef1", "1ef2", {"x": 1})
    history.add("1ef2", "1ef1", {"x": 1})
    history.end()
    target = Thread.objects.create(agent=make_agent(), thread_id="copy")
    copy_rows(source=history.thread, target=target, checkpoint_id="1ef2")
    assert {place[1] for place in stored(target)} == {"1ef1", "1ef2"}
