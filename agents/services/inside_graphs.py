"""The checkpoints of the graphs inside, found by the root's step that ran them. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import QuerySet

from agents.models import Checkpoint, Thread
from agents.prepared import Given, Prepared
from agents.services.tree_rows import Place, Row

MOST_OF_A_STEP = 50
_MOST = 200  # of one window
_MOST_LOOKED_AT = 2000


@dataclass(slots=True)
class Nested:
    """Which checkpoints stand inside which, newest first."""

    inside: dict[Place, list[Place]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)  # by the checkpoint of the root

    @property
    def places(self) -> set[Place]:
        """All that are shown."""
        return {place for places in self.inside.values() for place in places}

    def within(self, rows: Mapping[Place, Row], place: Place) -> Row:
        """The row with all that is inside of it."""
        inside = [self.within(rows, each) for each in self.inside.get(place, ()) if each in rows]
        ns, checkpoint = place
        left_out = 0 if ns else self.left_out[checkpoint]
        return replace(rows[place], inside=tuple(inside), inside_left_out=left_out)


def inside_of(thread: Thread, ids: Sequence[str], before: str | None = None) -> Nested:
    """What ran inside of the steps that follow these checkpoints of the root. One query.

    The newest come first, as many as a page bears. Ids are times: what ran inside is newer than the
    first of `ids`, and older than `before`, the checkpoint of the root that is newer than all.
    """
    nested = Nested()
    if not ids:
        return nested
    given = {"thread": thread.pk, "after": min(ids)}
    found = _AFTER(**given) if before is None else _BETWEEN(**given, before=before)
    parents = {(ns, checkpoint): _parents(metadata) for ns, checkpoint, metadata in found}
    roots = {place: named.get("") for place, named in parents.items()}
    shown = _shown(roots, set(ids), nested.left_out)
    for place in shown:
        outer = place[0].rpartition("|")[0]
        holder = (outer, parents[place].get(outer, ""))
        if holder not in shown:
            holder = ("", roots[place] or "")
        nested.inside.setdefault(holder, []).append(place)
    return nested


def _inside(**bounds: Given) -> QuerySet[Checkpoint, tuple[str, str, Any]]:
    rows = Checkpoint.objects.filter(
        thread=Given("thread", int), ns__gt="", checkpoint_id__gt=Given("after", str), **bounds
    )
    found = rows.order_by("-checkpoint_id").values_list("ns", "checkpoint_id", "metadata")
    return found[:_MOST_LOOKED_AT]


_AFTER = Prepared(_inside)
_BETWEEN = Prepared(lambda: _inside(checkpoint_id__lt=Given("before", str)))


def _shown(
    roots: Mapping[Place, str | None], ids: Collection[str], left_out: Counter[str]
) -> dict[Place, None]:
    shown: dict[Place, None] = {}
    taken: Counter[str] = Counter()
    for place, root in roots.items():
        if root is None or root not in ids:
            continue
        if taken[root] < MOST_OF_A_STEP and len(shown) < _MOST:
            taken[root] += 1
            shown[place] = None
        else:
            left_out[root] += 1
    return shown


def _parents(metadata: Any) -> dict[str, str]:
    """The checkpoints that a checkpoint inside stands in, by their namespaces."""
    named = metadata.get("parents") if isinstance(metadata, dict) else None
    if not isinstance(named, dict):
        return {}
    return {ns: each for ns, each in named.items() if isinstance(ns, str) and isinstance(each, str)}
