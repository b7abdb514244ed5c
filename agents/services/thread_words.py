"""Keeping the words by which threads are found."""

from __future__ import annotations

from agents.models import Thread, ThreadWords
from agents.reviews.search_words import search_words


def index(*, thread: int) -> None:
    """Write the words of a thread as it is now, inside the caller's transaction. Queries: 2."""
    columns = ("thread_id", "title", "metadata", "snapshot")
    row = Thread.objects.only(*columns).filter(pk=thread).first()
    if row is None:
        return
    words = search_words(
        thread_id=row.thread_id, title=row.title, metadata=row.metadata, snapshot=row.snapshot
    )
    rows = [ThreadWords(thread=row, words=words)]
    ThreadWords.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=("thread",), update_fields=("words",)
    )
