"""Prepared queries: the ORM writes them once, and the database reads them once.

To build a queryset and to write its SQL takes Python longer than the database needs to answer.
What every tool call and every decision asks is written at its first use, with places for what
changes, and is asked as it is from then on. On PostgreSQL it is a prepared statement, and several
travel together (`docs/decisions/0014-prepared-queries.md`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    DateTimeField,
    Expression,
    Field,
    ForeignObject,
    JSONField,
    Lookup,
    Model,
    QuerySet,
    TextField,
)
from django.db.models.constants import OnConflict
from django.db.models.query import ModelIterable, get_related_populators
from django.db.models.sql import DeleteQuery, InsertQuery, Query, UpdateQuery

from agents import pipelines
from agents.pipelines import Ending
from agents.written_inserts import WrittenInsert

Row = TypeVar("Row")
Inserted = TypeVar("Inserted", bound=Model)

_FIELDS: dict[type, Callable[[], Field[Any, Any]]] = {
    bool: BooleanField,
    datetime: DateTimeField,
    int: BigIntegerField,
    list: JSONField,
    str: TextField,
}
_POSTGRESQL = {bool: "boolean", datetime: "timestamptz", int: "bigint", list: "jsonb", str: "text"}


class Given(Expression):
    """The place of a value that is given when the query is asked; None is NULL."""

    array = False

    def __init__(self, name: str, kind: type) -> None:
        """`name` is what it is given by; `kind` one of bool, datetime, int, list and str."""
        super().__init__(output_field=_FIELDS[kind]())
        self.name = name
        self.kind = kind

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Leave the place open."""
        return "%s", [self]

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Leave it open, and say what comes: nothing else tells when the statement is prepared."""
        return f"%s::{_POSTGRESQL[self.kind]}{'[]' if self.array else ''}", [self]

    def value(self, given: Any) -> Any:
        """What the database is sent; a number too large for its columns is like nothing there."""
        if self.array:
            listed = [each for each in given if _has_room(each)]
            return pipelines.array("bigint", listed) if self.kind is int else listed
        value = self.output_field.get_db_prep_value(given, connection)
        return value if _has_room(value) else None


def _has_room(value: Any) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


class Each(Given):
    """The place of any number of values, for the lookup `any`."""

    array = True

    def value(self, given: Any) -> Any:
        """What the database is sent."""
        return super().value(given) if connection.vendor == "postgresql" else json.dumps([*given])


@ForeignObject.register_lookup  # which inherits none
@Field.register_lookup
class AnyOf(Lookup):
    """`field__any=Each(…)`: as `in`, with the same SQL for any number of values.

    Or `field__any=<queryset of one column>`, which PostgreSQL asks first: so it uses the indexes
    that it would use for values.
    """

    lookup_name = "any"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Look among the values of an array in JSON."""
        left, params = self.process_lhs(compiler, connection)
        right, given = self.process_rhs(compiler, connection)
        among = right if self._is_asked else f"(SELECT value FROM json_each({right}))"  # noqa: S608
        return f"{left} IN {among}", [*params, *given]

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Look among the values of an array."""
        left, params = self.process_lhs(compiler, connection)
        right, given = self.process_rhs(compiler, connection)
        among = f"ARRAY{right}" if self._is_asked else right
        return f"{left} = ANY({among})", [*params, *given]

    @property
    def _is_asked(self) -> bool:
        return isinstance(self.rhs, Query)


@dataclass(frozen=True, slots=True)
class Asked(Generic[Row]):
    """A query with all that it is given, not asked yet."""

    sql: str
    parameters: Sequence[Any]
    read: Callable[[Sequence[Sequence[Any]]], list[Row]]


class Prepared(Generic[Row]):
    """A queryset that is written once; asked, it answers what the queryset would.

    Whatever changes from one time to the next must be `Given`: the time of day too. Not for
    querysets that prefetch.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, Row]], *, at_most: str = "") -> None:
        """`build` is called at the first use, on each kind of database.

        `at_most` names what is given to say how many rows it answers at most; by default all.
        """
        self._build = build
        self._limit = Given(at_most, int) if at_most else None
        self._made: dict[str, tuple[str, Sequence[Any], Callable[..., list[Row]]]] = {}

    def __call__(self, **given: Any) -> list[Row]:
        """Ask; see `together`. One query."""
        return together(self.given(**given))[0]

    def given(self, **given: Any) -> Asked[Row]:
        """The query with what it is given."""
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = self._written(self._build())
        sql, places, read = made
        return Asked(sql, _filled(places, given), read)

    def _written(
        self, queryset: QuerySet[Any, Any]
    ) -> tuple[str, Sequence[Any], Callable[..., list[Row]]]:
        compiler = queryset.query.get_compiler(connection=connection)
        text, params = compiler.as_sql()
        if self._limit is not None:
            mark, limit = compiler.compile(self._limit)
            text, params = f"{text} LIMIT {mark}", (*params, *limit)
        return *_write(text, params), _reader(queryset, compiler)


class PreparedCount(Prepared[int]):
    """The number of rows of a queryset, counted by the database: `[count] = prepared(…)`."""

    def __init__(self, build: Callable[[], QuerySet[Any]]) -> None:
        """As `Prepared`, with any columns; of a slice it counts no further than that."""
        super().__init__(lambda: build().values_list("pk", flat=True))

    def _written(
        self, queryset: QuerySet[Any, Any]
    ) -> tuple[str, Sequence[Any], Callable[..., list[int]]]:
        rows = queryset if queryset.query.is_sliced else queryset.order_by()
        sql, places, _ = super()._written(rows)
        return f"SELECT COUNT(*) FROM ({sql}) counted", places, lambda found: [found[0][0]]  # noqa: S608


class _PreparedChange:
    """A change of the rows of a queryset that is written once."""

    def __init__(
        self, build: Callable[[], QuerySet[Any]], query: type, values: Mapping[str, Any]
    ) -> None:
        self._build = build
        self._query = query
        self._values = values
        self._made: dict[str, tuple[str, Sequence[Any]]] = {}

    def __call__(self, **given: Any) -> int:
        """Ask, and say how many rows it changed. One query."""
        sql, places = self._written()
        return pipelines.changed(sql, _filled(places, given))

    def given(self, **given: Any) -> Asked[int]:
        """The query with what it is given; it answers how many rows it changed."""
        sql, places = self._written()
        return Asked(f"{sql} RETURNING 1", _filled(places, given), lambda rows: [len(rows)])

    def _written(self) -> tuple[str, Sequence[Any]]:
        made = self._made.get(connection.vendor)
        if made is None:
            query: Any = self._build().query.chain(self._query)  # `Any`: untyped in the stubs
            if self._values:
                query.add_update_values(self._values)
            written = query.get_compiler(connection=connection).as_sql()
            made = self._made[connection.vendor] = _write(*written)
        return made


class PreparedUpdate(_PreparedChange):
    """An UPDATE of the rows of a queryset that is written once; says how many rows it changed."""

    def __init__(self, build: Callable[[], QuerySet[Any]], **values: Any) -> None:
        """As `Prepared`; `values` are the new ones by field, those that change `Given`."""
        super().__init__(build, UpdateQuery, values)


class PreparedDelete(_PreparedChange):
    """A DELETE of the rows of a queryset that is written once; says how many it took away.

    Not for rows that others refer to: nothing is taken away with them.
    """

    def __init__(self, build: Callable[[], QuerySet[Any]]) -> None:
        """As `Prepared`."""
        super().__init__(build, DeleteQuery, {})


class PreparedInsert(Generic[Inserted]):
    """An INSERT of rows of a model that is written once, as `bulk_create` writes it."""

    def __init__(
        self,
        model: type[Inserted],
        *,
        unique: Sequence[str] = (),
        updated: Sequence[str] = (),
        passes_over: bool = False,
    ) -> None:
        """Where a row has the same `unique` fields already, its `updated` ones are written.

        One that `passes_over` what a constraint keeps out answers no row then: on PostgreSQL a row
        that is there already, on SQLite any. It is for models whose keys the database makes.
        """
        self._model = model
        self._unique = unique
        self._updated = updated
        self._conflict = (
            OnConflict.UPDATE if updated else OnConflict.IGNORE if passes_over else None
        )
        self._made: dict[str, WrittenInsert] = {}

    def __call__(self, *rows: Inserted) -> None:
        """Insert these, which get their keys. One query a row; see `together`."""
        together(*map(self.given, rows))

    def given(self, row: Inserted) -> Asked[Inserted]:
        """The query of a row, which answers it."""
        return self._asked([row])

    def each(self, rows: Sequence[Inserted]) -> Iterator[Asked[Inserted]]:
        """The queries of any number of rows: one, on SQLite one for each thousand values.

        They answer the rows. Not for an insert that passes over what is there.
        """
        if rows:
            written = self._written(rows[0])
            limit = connection.ops.bulk_batch_size(written.fields, rows)
            for begin in range(0, len(rows), limit):
                yield self._asked(rows[begin : begin + limit])

    def _asked(self, rows: Sequence[Inserted]) -> Asked[Inserted]:
        sql, values = self._written(rows[0]).given(rows)

        def read(answers: Sequence[Sequence[Any]]) -> list[Inserted]:
            if not answers and self._conflict == OnConflict.IGNORE:
                return []
            for row, keys in zip(rows, answers or [()] * len(rows), strict=True):
                if keys:
                    (row.pk,) = keys
                row._state.adding, row._state.db = False, connection.alias
            return [*rows]

        return Asked(sql, values, read)

    def _written(self, row: Inserted) -> WrittenInsert:
        made = self._made.get(connection.vendor)
        if made is not None:
            return made
        about = self._model._meta
        fields = [field for field in about.concrete_fields if field is not about.auto_field]
        query: Any = InsertQuery(  # `Any`: untyped in the stubs
            self._model,
            on_conflict=self._conflict,
            update_fields=[about.get_field(name) for name in self._updated],
            unique_fields=[about.get_field(name) for name in self._unique],
        )
        query.insert_values(fields, [row])
        compiler = query.get_compiler(connection=connection)
        compiler.returning_fields = [about.auto_field] if about.auto_field else None
        ((sql, _),) = compiler.as_sql()
        made = self._made[connection.vendor] = WrittenInsert(sql, fields)
        return made


def together(*asked: Asked[Any]) -> list[list[Any]]:
    """Ask in this order, inside the caller's transaction, and say what each answers.

    One round trip on PostgreSQL. Errors are Django's.
    """
    answers = pipelines.rows(*((each.sql, each.parameters) for each in asked))
    return [each.read(rows) for each, rows in zip(asked, answers, strict=True)]


def at_end(ending: Ending, *asked: Asked[Any]) -> Callable[[], list[list[Any]]]:
    """Have this asked in order when the transaction ends; what tells then what each answered."""
    places = ending.add(*((each.sql, each.parameters) for each in asked))

    def answers() -> list[list[Any]]:
        found = ending.found(places)
        return [each.read(rows) for each, rows in zip(asked, found, strict=True)]

    return answers


def _write(sql: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """The statement as it is sent: only what is given is left open on PostgreSQL.

    A planner that knows the values uses partial indexes, and a server that has to guess their types
    fails at some.
    """
    if connection.vendor != "postgresql":
        return sql, params
    left = iter(params)
    places: list[Any] = []

    def place(mark: re.Match[str]) -> str:
        if mark[0] == "%%":
            return "%%"
        value = next(left)
        if isinstance(value, Given):
            places.append(value)
            return "%s"
        if isinstance(value, datetime):
            raise TypeError(f"{value} would stay the time of this query for ever: let it be Given")
        return pipelines.literal(value).replace("%", "%%")

    return re.sub("%%|%s", place, sql), places


def _filled(places: Sequence[Any], given: Mapping[str, Any]) -> list[Any]:
    return [each.value(given[each.name]) if isinstance(each, Given) else each for each in places]


def _reader(queryset: QuerySet[Any, Row], compiler: Any) -> Callable[..., list[Row]]:
    """What makes rows of the ORM of rows of the database, as `ModelIterable` does."""
    converters = compiler.get_converters([column for column, *_ in compiler.select])
    about = compiler.klass_info

    def converted(rows: Sequence[Sequence[Any]]) -> Any:
        return compiler.apply_converters(rows, converters) if converters else rows

    if not issubclass(queryset._iterable_class, ModelIterable):
        return lambda rows: [tuple(row) for row in converted(rows)]  # type: ignore[misc]  # of `values_list`
    model, fields, alias = about["model"], about["select_fields"], connection.alias
    begin, end = fields[0], fields[-1] + 1
    names = [column[0].target.attname for column in compiler.select[begin:end]]
    populators = get_related_populators(about, compiler.select, alias)  # type: ignore[call-arg]  # of the next Django
    annotations = list(compiler.annotation_col_map.items())

    def read(rows: Sequence[Sequence[Any]]) -> list[Row]:
        made = []
        for row in converted(rows):
            each = model.from_db(alias, names, row[begin:end])
            for populator in populators:
                populator.populate(row, each)
            for name, position in annotations:
                setattr(each, name, row[position])
            made.append(each)
        return made

    return read
