"""What the newest checkpoints of threads are made of, remembered since they were stored or read.

It says what to ask for before the database has said what there is, and is never more than a guess:
another process may have written since, or a transaction was rolled back. So nothing is answered
from here. What is read is compared with what the database says in the same moment: `guessed_reads`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from agents.models import Form
from agents.services.engines import Guess, LockedThread, Place, StoredValue
from agents.services.part_runs import runs_of

REMEMBERED_VALUES = 200_000  # of all threads, an array once more for each run: about 170 bytes each
_HEAD = 5  # values that a head counts for, beside its own
_RUN_BYTES = 8


@dataclass(slots=True)
class _Head:
    """A checkpoint: the versions of its channels, the runs of their arrays and of its writes."""

    thread: int
    checkpoint_id: str
    versions: Mapping[str, str]
    arrays: dict[str, tuple[str, bytes]]
    written: list[bytes] = field(default_factory=list)
    size: int = 0  # bytes of it all, about

    def units(self) -> int:
        """How much of the memory it takes."""
        packed = sum(len(data) for _, data in self.arrays.values()) + sum(map(len, self.written))
        return _HEAD + len(self.versions) + packed // _RUN_BYTES


class RememberedHeads:
    """A bounded memory of heads by thread and namespace; used by one thread, so it has no lock."""

    def __init__(self, at_most: int = REMEMBERED_VALUES) -> None:
        self._at_most = at_most
        self._heads: OrderedDict[tuple[str, str], _Head] = OrderedDict()
        self._units: dict[tuple[str, str], int] = {}
        self._size = 0

    def guess(self, at: Place) -> tuple[Guess, int] | None:
        """What is expected at a place, and about how many bytes that is; None if nothing is."""
        thread, ns, checkpoint_id = at
        head = self._heads.get((thread, ns))
        if head is None or checkpoint_id not in (None, head.checkpoint_id):
            return None
        self._heads.move_to_end((thread, ns))
        arrays = [data for _, data in head.arrays.values()]
        runs = frozenset(run for data in (*arrays, *head.written) for run in runs_of(data))
        return Guess(at, head.thread, head.versions, runs), head.size

    def read(
        self,
        guess: Guess,
        checkpoint_id: str,
        values: Iterable[StoredValue],
        writes: Iterable[StoredValue],
        size: int,
    ) -> None:
        """Remember what was read, and what would have been the right guess.

        Of a checkpoint that was asked for by its id only if it is as new as the remembered one.
        """
        key = guess.at[:2]
        known = self._heads.get(key)
        if guess.at[2] is not None and (known is None or checkpoint_id < known.checkpoint_id):
            return
        arrays = {each.name[0]: (each.name[1], each.data) for each in _arrays(values)}
        written = [each.data for each in _arrays(writes)]
        made = _Head(guess.thread, checkpoint_id, guess.versions, arrays, written, size)
        self._remember(key, made)

    def put(
        self,
        thread: LockedThread,
        ns: str,
        checkpoint_id: str,
        versions: Mapping[str, str],
        arrays: Mapping[str, tuple[str, bytes]],
        size: int,
    ) -> None:
        """Remember a checkpoint that is stored.

        `arrays` are those that are new in it, by channel, each a version and its runs as they are
        stored; `size` is how many bytes are new.
        """
        key = (thread.thread_id, ns)
        known = self._heads.get(key)
        if known is None or known.thread != thread.pk:
            known = _Head(thread.pk, "", {}, {})
        elif checkpoint_id < known.checkpoint_id:
            return
        kept = {name: each for name, each in known.arrays.items() if versions.get(name) == each[0]}
        kept |= arrays
        written = known.written if checkpoint_id == known.checkpoint_id else []
        made = _Head(thread.pk, checkpoint_id, versions, kept, written, known.size + size)
        self._remember(key, made)

    def put_writes(
        self, thread: LockedThread, ns: str, checkpoint_id: str, arrays: Iterable[bytes]
    ) -> None:
        """Remember writes that are stored, if they belong to a remembered checkpoint."""
        key = (thread.thread_id, ns)
        known = self._heads.get(key)
        if known is not None and known.checkpoint_id == checkpoint_id:
            known.written += arrays
            self._remember(key, known)

    def _remember(self, key: tuple[str, str], head: _Head) -> None:
        units = head.units()
        self._size += units - self._units.get(key, 0)
        self._units[key] = units
        self._heads[key] = head
        self._heads.move_to_end(key)
        while self._size > self._at_most and self._heads:
            oldest, _ = self._heads.popitem(last=False)
            self._size -= self._units.pop(oldest)


def _arrays(values: Iterable[StoredValue]) -> Iterator[StoredValue]:
    return (each for each in values if each.form == Form.RUNS)
