"""Threads by their words, the same on both databases."""

from importlib import import_module

import pytest
from django.apps import apps

from agents.models import Thread, ThreadWords
from agents.services import thread_words
from tests.factories import make_agent


def make(title: str) -> Thread:
    """A thread that is found by its title."""
    thread = Thread.objects.create(agent=make_agent(), title=title)
    thread_words.index(thread=thread.pk)
    return thread


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("refund", True),
        ("REF", True),
        ("order 88 refu", True),
        ("efund", False),
        ("r", False),
        ("refund nothing", False),
        ("Straße_7", True),
        ("返", True),
        ("金返", True),
        ("…", True),  # no word: all
    ],
)
def test_every_word_begins_one(db: None, text: str, is_found: bool):
    thread = make("Refund order 8812 STRASSE_7 返金")
    make("Another")
    assert (thread in Thread.objects.matching(text)) == is_found


@pytest.mark.parametrize("few", [0, 1, 2])
def test_few_are_named_and_many_are_looked_for(db: None, few: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agents.models.thread.FEW", few)
    found = [make("refund one"), make("refund two")]
    make("another")
    assert set(Thread.objects.matching("refund")) == set(found)
    assert list(Thread.objects.matching("refund two")) == found[1:]


def test_what_changes_is_found_anew(db: None):
    thread = make("before")
    thread.title = "after"
    thread.save()
    thread_words.index(thread=thread.pk)
    assert list(Thread.objects.matching("before")) == []
    assert list(Thread.objects.matching("after")) == [thread]
    ThreadWords.objects.all().delete()
    assert list(Thread.objects.matching("after")) == []


def test_threads_from_before_are_found(db: None):
    """The migration reads what is there."""
    thread = make("kept since long")
    ThreadWords.objects.all().delete()
    import_module("agents.migrations.0004_thread_search").index_threads(apps, None)
    assert list(Thread.objects.matching("since")) == [thread]
