"""Branches of a thread: the way to one checkpoint, and what happened on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from agents.live.story import Note
from agents.models import Checkpoint, Interrupt, Run, Thread
from agents.services import history
from agents.services.message_counts import message_counts
from reviewconsole.protocol.plain import Plain

LONGEST = 1000  # checkpoints of a way that are looked at
DATED = 100  # of them, whose messages are told apart


@dataclass(frozen=True, slots=True)
class Branch:
    """The way from the beginning of a thread to one of its checkpoints."""

    checkpoint_id: str  # where it ends; "" for a thread without checkpoints
    way: Sequence[str]  # newest first; at most LONGEST
    steps: Mapping[str, int | None]  # by checkpoint, as far as they were asked for
    travels: Sequence[Run]  # replays and forks that are a part of it
    known: frozenset[str]  # places that there are, on any branch

    def has(self, interrupt: Interrupt) -> bool:
        """Whether a question was asked on it, or may have been.

        A replay or fork leaves what was asked at its checkpoint before it behind.
        """
        place = interrupt.checkpoint_id
        if place not in self.known or self._is_before(place):
            return True
        left = (run.pk for run in self.travels if run.from_checkpoint_id == place)
        return place in self.way and all(interrupt.run_id >= run for run in left)

    def has_ended(self, run: Run) -> bool:
        """Whether a run came to its end on it."""
        return not run.checkpoint_id or run.checkpoint_id in self.way

    def _is_before(self, place: str) -> bool:
        return len(self.way) == LONGEST and place < self.way[-1]


def to(thread: Thread, checkpoint_id: str, places: Collection[str]) -> Branch:
    """Read the way to a checkpoint, and which of these other places are known to the store.

    Queries: 4, none for a thread without checkpoints.
    """
    if not checkpoint_id:
        return Branch("", (), {}, (), frozenset())
    way = history.way(thread=thread, checkpoint_id=checkpoint_id, limit=LONGEST)
    rows = Checkpoint.objects.filter(thread=thread, ns="")
    made = rows.filter(checkpoint_id__in=way, run__trigger__in=Run.TRAVELS, run__thread=thread)
    travels = Run.objects.filter(pk__in=set(made.values_list("run_id", flat=True)))
    found = list(travels.select_related("created_by", "revises").order_by("pk"))
    named = {*places, *(run.from_checkpoint_id for run in found)}
    known = steps(thread, named)
    return Branch(checkpoint_id, way, known, found, frozenset(known))


def steps(thread: Thread, checkpoint_ids: Collection[str]) -> Mapping[str, int | None]:
    """The steps that LangGraph counted for these checkpoints; unknown ones left out. One query."""
    rows = Checkpoint.objects.filter(thread=thread, ns="", checkpoint_id__in=checkpoint_ids)
    return {
        place: _step(metadata) for place, metadata in rows.values_list("checkpoint_id", "metadata")
    }


def notes(branch: Branch, failed: Sequence[Run]) -> list[Note]:
    """What the story of a branch tells of its runs: where it went back, and where it failed."""
    back = [
        Note(
            run,
            run.from_checkpoint_id,
            is_travel=True,
            step=branch.steps.get(run.from_checkpoint_id),
        )
        for run in branch.travels
    ]
    return back + [
        Note(run, run.checkpoint_id, is_travel=False) for run in failed if branch.has_ended(run)
    ]


def counts(thread: Thread, branch: Branch, told: Sequence[Note]) -> Mapping[str, int]:
    """How many messages there were where something happened, and at the newest checkpoints.

    Queries: 2, none for a thread without checkpoints.
    """
    on_it = branch.known & set(branch.way)
    places = {*branch.way[:DATED], *on_it, *(note.checkpoint_id for note in told)}
    return message_counts(thread=thread, checkpoint_ids=places) if branch.way else {}


def _step(metadata: Plain) -> int | None:
    step = metadata.get("step") if isinstance(metadata, dict) else None
    return step if isinstance(step, int) else None
