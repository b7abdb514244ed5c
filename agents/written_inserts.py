"""The texts of prepared inserts: Django writes that of one row, and here it is one of many.

On PostgreSQL a statement takes whole columns as arrays, so that it is the same, and prepared,
whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import Field

from agents import pipelines


class WrittenInsert:
    """The text of an INSERT for one kind of database."""

    def __init__(self, sql: str, fields: Sequence[Field[Any, Any]]) -> None:
        """`sql` is what Django writes for one row of these fields."""
        self.fields = fields
        self._of_one = sql
        self._row = f"({', '.join(['%s'] * len(fields))})"
        self._before, self._after = sql.split(f"VALUES {self._row}")
        kinds = [str(field.db_type(connection)).split("(")[0] for field in fields]
        arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
        self._of_many = f"{self._before}SELECT * FROM UNNEST({arrays}){self._after}"  # noqa: S608
        self._kinds = [kind if kind in ("bigint", "integer", "smallint") else "" for kind in kinds]

    def given(self, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """The statement that inserts rows of values; on PostgreSQL the same for any number."""
        if len(rows) == 1:
            return self._of_one, [*rows[0]]
        if connection.vendor != "postgresql":
            marks = ", ".join([self._row] * len(rows))
            return f"{self._before}VALUES {marks}{self._after}", list(chain.from_iterable(rows))
        columns = zip(self._kinds, zip(*rows, strict=True), strict=True)
        return self._of_many, [
            pipelines.array(integers, values) if integers else [*values]
            for integers, values in columns
        ]
