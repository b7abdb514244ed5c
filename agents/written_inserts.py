"""The texts of prepared inserts: Django writes that of one row, and here it is one of many.

On PostgreSQL a statement takes whole columns as arrays, so that it is the same, and prepared,
whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import BooleanField, CharField, Field, Model, TextField

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
        self._integers = [k if k in ("bigint", "integer", "smallint") else "" for k in kinds]
        self._as_it_is = [
            _TYPES.get(type(field)) or (int if integer and connection.vendor == "sqlite" else None)
            for field, integer in zip(fields, self._integers, strict=True)
        ]

    def given(self, rows: Sequence[Model]) -> tuple[str, list[Any]]:
        """The statement that inserts rows; on PostgreSQL it is the same for any number above 1."""
        database = connections[DEFAULT_DB_ALIAS]
        values = [self._values(row, database) for row in rows]
        if len(values) == 1:
            return self._of_one, values[0]
        if connection.vendor != "postgresql":
            marks = ", ".join([self._row] * len(values))
            return f"{self._before}VALUES {marks}{self._after}", list(chain.from_iterable(values))
        columns = zip(self._integers, zip(*values, strict=True), strict=True)
        return self._of_many, [
            pipelines.array(integer, column) if integer else [*column]
            for integer, column in columns
        ]

    def _values(self, row: Model, database: Any) -> list[Any]:
        values = []
        for field, kind in zip(self.fields, self._as_it_is, strict=True):
            value = field.pre_save(row, add=True)
            if value is not None and type(value) is not kind:
                value = field.get_db_prep_save(value, database)
            values.append(value)
        return values


_TYPES: dict[type, type] = {BooleanField: bool, CharField: str, TextField: str}
"""Values of these types are what the database takes: to ask the field takes longer than to tell."""
