"""Keeping the words by which threads are found."""

from __future__ import annotations

from django.db.models import QuerySet

from agents.models import Thread, ThreadWords
from agents.prepared import Given, Prepared, PreparedInsert
from agents.reviews.search_words import search_words


def index(*, thread: int) -> None:
    """Write the words of a thread as it is now, inside the caller's transaction. Queries: 2."""
    for row in _THREAD(pk=thread):
        words = search_words(
            thread_id=row.thread_id, title=row.title, metadata=row.metadata, snapshot=row.snapshot
        )
        _WRITE(ThreadWords(thread=row, words=words))


def _said() -> QuerySet[Thread]:
    columns = ("thread_id", "title", "metadata", "snapshot")
    return Thread.objects.only(*columns).filter(pk=Given("pk", int)).order_by()


_THREAD = Prepared(_said)
_WRITE = PreparedInsert(ThreadWords, unique=("thread",), updated=("words",))
