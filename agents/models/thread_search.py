"""What threads are found by: an index of words, each database's own, asked in one way.

The migration `0004_thread_search` makes it: in PostgreSQL a generated `tsvector` with a GIN index,
in SQLite an FTS5 table that triggers keep. Both hold the words as they are written here: no
language's stop words or stems, since agents speak any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler

_Sql: TypeAlias = tuple[str, list[Any]]


class WordsField(models.TextField):  # type: ignore[type-arg]  # generic only in the stubs
    """Words with a space between, as `reviews.search_words` writes them."""


class ThreadWords(models.Model):
    """The words of a thread's id, title, metadata and messages, each once."""

    thread = models.OneToOneField(
        "agents.Thread", models.CASCADE, primary_key=True, related_name="searched"
    )
    words = WordsField()

    def __str__(self) -> str:
        return f"words of thread {self.thread_id}"


@WordsField.register_lookup
class Matches(Lookup):
    """`words__matches=[…]`: each of these tokens begins one of the words.

    A single letter is a word by itself: too many begin with it.
    """

    lookup_name = "matches"
    prepare_rhs = False
    rhs: Sequence[str]  # letters and digits only, so that nothing in a query needs an escape

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> _Sql:
        """The generated column against a text query of prefixes."""
        query = " & ".join(f"'{token}'{':*' * (len(token) > 1)}" for token in self.rhs)
        return f"{self._column(compiler, 'vector')} @@ %s::tsquery", [query]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> _Sql:
        """The rows that the full-text table finds."""
        found = "SELECT rowid FROM agents_threadwords_index WHERE agents_threadwords_index MATCH %s"
        query = " ".join(f'"{token}"{"*" * (len(token) > 1)}' for token in self.rhs)
        return f"{self._column(compiler, 'thread_id')} IN ({found})", [query]

    def _column(self, compiler: SQLCompiler, name: str) -> str:
        quote = compiler.quote_name_unless_alias
        return f"{quote(self.lhs.alias)}.{quote(name)}"
