"""Two checkpoints of a thread side by side. Reads only."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from agents.history import ancestry
from agents.models import Decision, Interrupt, Thread
from agents.reviews.diff import Diff, same
from agents.services import tree_rows
from agents.services.checkpoint_states import CheckpointState, changes, checkpoint, levels_of
from agents.services.checkpoint_trees import Skeleton, placed, skeleton_of
from agents.services.tree_rows import Row

MOST_OF_A_WAY = 200

_STANDS = (Decision.Status.RECORDED, Decision.Status.DELIVERED, Decision.Status.APPLIED)


@dataclass(frozen=True, slots=True)
class Differing:
    """A question that was decided differently on the two ways, or asked on one of them alone."""

    asked_a: Interrupt | None  # None: not asked on the way to a
    asked_b: Interrupt | None

    @property
    def question(self) -> Interrupt | None:
        """The question, as it was asked on the way to a, else to b."""
        return self.asked_a or self.asked_b

    @property
    def a(self) -> Decision | None:
        """What was decided on the way to a, if that still counts."""
        return _decision(self.asked_a)

    @property
    def b(self) -> Decision | None:
        """What was decided on the way to b, if that still counts."""
        return _decision(self.asked_b)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two checkpoints, where their ways part, and what differs at the ends."""

    a: CheckpointState
    b: CheckpointState
    ancestor: str | None  # the last checkpoint that both come from; None: nothing is shared
    way_a: tuple[Row, ...]  # since the ancestor, oldest first
    way_b: tuple[Row, ...]
    cut_a: bool  # the way is longer: its oldest part is left out
    cut_b: bool
    diff: Diff
    decisions: tuple[Differing, ...]


def compare(*, thread: Thread, a: str, b: str) -> Comparison:
    """Compare two checkpoints of the thread's root. Queries: at most 26, whatever the ways.

    Raises:
        NotFound: the thread has no such checkpoint at its root.
    """
    state_a = checkpoint(thread=thread, checkpoint_id=a)
    state_b = checkpoint(thread=thread, checkpoint_id=b)
    skeleton = skeleton_of(thread)
    parents = dict(skeleton)
    ancestor = ancestry.common_ancestor(parents, a, b)
    ids_a, ids_b = (_since(ancestor, ancestry.path(parents, end)) for end in (a, b))
    shared = [ancestor] if ancestor else []
    rows = _rows(thread, skeleton, [*ids_a[:MOST_OF_A_WAY], *ids_b[:MOST_OF_A_WAY], *shared])
    way_a, way_b = (_way(rows, ids) for ids in (ids_a, ids_b))
    parting = rows[ancestor].interrupts if ancestor in rows else ()
    return Comparison(
        a=state_a,
        b=state_b,
        ancestor=ancestor,
        way_a=way_a,
        way_b=way_b,
        cut_a=len(ids_a) > MOST_OF_A_WAY,
        cut_b=len(ids_b) > MOST_OF_A_WAY,
        diff=changes(state_a, state_b),
        decisions=_differing(_asked(parting, way_a), _asked(parting, way_b)),
    )


def _since(ancestor: str | None, ids: Sequence[str]) -> Sequence[str]:
    return ids[: ids.index(ancestor)] if ancestor in ids else ids


def _rows(thread: Thread, skeleton: Skeleton, ids: Iterable[str]) -> dict[str, Row]:
    found = tree_rows.read(thread, {("", each) for each in ids}, levels_of(thread))
    return {row.checkpoint_id: row for row in placed(found.values(), skeleton)}


def _way(rows: dict[str, Row], ids: Sequence[str]) -> tuple[Row, ...]:
    return tuple(rows[each] for each in reversed(ids[:MOST_OF_A_WAY]) if each in rows)


def _asked(parting: Iterable[Interrupt], way: Sequence[Row]) -> list[Interrupt]:
    """The questions of a way. One asked where the ways part is of the way that its answer took."""
    runs = {row.run.pk for row in way if row.run}
    begun = [each for each in parting if (decision := _decision(each)) and decision.run_id in runs]
    return [*begun, *(each for row in way for each in row.interrupts)]


def _decision(asked: Interrupt | None) -> Decision | None:
    decision: Decision | None = getattr(asked, "decision", None)
    return decision if decision and decision.status in _STANDS else None


def _differing(asked_a: list[Interrupt], asked_b: list[Interrupt]) -> tuple[Differing, ...]:
    """Pair the questions of both ways, in order: the same words first, then the same place."""
    partners: dict[int, Interrupt] = {}
    left = list(asked_b)
    for identity in (_words, _place):
        for one in asked_a:
            if one.pk in partners:
                continue
            partner = next((each for each in left if identity(each) == identity(one)), None)
            if partner is not None:
                partners[one.pk] = partner
                left.remove(partner)
    pairs = [Differing(one, partners.get(one.pk)) for one in asked_a]
    return tuple(
        pair for pair in (*pairs, *(Differing(None, each) for each in left)) if not _agree(pair)
    )


def _words(asked: Interrupt) -> Hashable:
    return asked.node, asked.digest


def _place(asked: Interrupt) -> Hashable:
    return asked.node, asked.position


def _agree(pair: Differing) -> bool:
    """Whether both ways have asked, and were told the same."""
    if pair.asked_a is None or pair.asked_b is None:
        return False
    a, b = pair.a, pair.b
    if a is None or b is None:
        return a is b
    return same([a.then, a.resume, a.update], [b.then, b.resume, b.update])
