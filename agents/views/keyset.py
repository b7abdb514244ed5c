"""Pages of a long list, each found by its neighbour's row: page 10,000 costs what page 1 does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from agents.models import Thread
from agents.models.thread import ThreadQuerySet


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the list, newest first."""

    updated_at: datetime
    pk: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The place that `str` wrote; None where it is none."""
        when, _, pk = text.partition(",")
        try:
            moment = parse_datetime(when)
            if moment is None or moment.tzinfo is None or not (pk.isascii() and pk.isdecimal()):
                return None
            return cls(moment.astimezone(UTC), int(pk)) if len(pk) < 19 else None
        except (ValueError, OverflowError):  # no date, or one before or after all others
            return None

    @classmethod
    def of(cls, row: Thread) -> Self:
        """Where this row stands."""
        return cls(row.updated_at, row.pk)

    def __str__(self) -> str:
        return f"{self.updated_at.isoformat()},{self.pk}"

    # Both bounds are ranges of the index; `a < x OR (a = x AND …)` alone would be none.

    @property
    def older(self) -> Q:
        """The rows after this one."""
        here = Q(updated_at__lte=self.updated_at)
        return here & (Q(updated_at__lt=self.updated_at) | Q(pk__lt=self.pk))

    @property
    def newer(self) -> Q:
        """The rows before this one."""
        here = Q(updated_at__gte=self.updated_at)
        return here & (Q(updated_at__gt=self.updated_at) | Q(pk__gt=self.pk))


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of a page, newest first, and the places its neighbours are found by."""

    rows: list[Thread]
    newer: Place | None  # None: this is the first page
    older: Place | None  # None: this is the last page


def window(found: ThreadQuerySet, *, before: str, after: str, size: int) -> Window:
    """The page before or after a place; the first one where neither is a place. One query."""
    if place := Place.read(after):
        rows = list(found.filter(place.newer).order_by("updated_at", "pk")[: size + 1])
        is_first = len(rows) <= size
        rows = rows[size - 1 :: -1] if not is_first else rows[::-1]
        return _window(rows, is_first=is_first, is_last=False)
    place = Place.read(before)
    rows = list(
        (found.filter(place.older) if place else found).order_by("-updated_at", "-pk")[: size + 1]
    )
    return _window(rows[:size], is_first=place is None, is_last=len(rows) <= size)


def _window(rows: list[Thread], *, is_first: bool, is_last: bool) -> Window:
    return Window(
        rows,
        newer=Place.of(rows[0]) if rows and not is_first else None,
        older=Place.of(rows[-1]) if rows and not is_last else None,
    )
