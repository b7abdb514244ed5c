"""The tables of the checkpoint store as rows are written to them, whatever the database.

Rows are tuples in the order of `columns`. How a batch of them travels is for the engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table: its columns with their types in PostgreSQL, and what a row does that is there."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()  # empty: a row that is there is an error
    replaced: tuple[str, ...] = ()  # of a row that is there; none: it stays as it is

    @property
    def names(self) -> str:
        """The columns, as SQL."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def on_conflict(self) -> str:
        """What happens to a row that is there, as SQL of both databases."""
        if not self.key:
            return ""
        key = ", ".join(f'"{column}"' for column in self.key)
        if not self.replaced:
            return f"ON CONFLICT ({key}) DO NOTHING"
        values = ", ".join(f'"{column}" = excluded."{column}"' for column in self.replaced)
        return f"ON CONFLICT ({key}) DO UPDATE SET {values}"


# A number that was given twice would give one part the place of another: it is an error.
PART = Table(
    "agents_part", {"thread_id": "bigint", "seq": "bigint", "hash": "bytea", "data": "bytea"}
)
BLOB = Table(
    "agents_blob",
    {
        "thread_id": "bigint", "ns": "text", "channel": "text", "version": "text",
        "kind": "text", "form": "smallint", "data": "bytea",
    },
    key=("thread_id", "ns", "channel", "version"),
)  # fmt: skip
CHECKPOINT = Table(
    "agents_checkpoint",
    {
        "thread_id": "bigint", "ns": "text", "checkpoint_id": "text", "parent_id": "text",
        "document": "bytea", "metadata": "text", "run_id": "bigint", "created_at": "timestamptz",
        "stored_bytes": "bigint",
    },
    key=("thread_id", "ns", "checkpoint_id"),
    replaced=("parent_id", "document", "metadata"),
)  # fmt: skip
_WRITE = {
    "thread_id": "bigint", "ns": "text", "checkpoint_id": "text", "task_id": "text",
    "index": "integer", "task_path": "text", "channel": "text", "kind": "text",
    "form": "smallint", "data": "bytea",
}  # fmt: skip
_WRITE_KEY = ("thread_id", "ns", "checkpoint_id", "task_id", "index")
WRITE = Table("agents_pendingwrite", _WRITE, key=_WRITE_KEY)
SPECIAL_WRITE = Table(
    "agents_pendingwrite",
    _WRITE,
    key=_WRITE_KEY,
    replaced=("task_path", "channel", "kind", "form", "data"),
)
