"""Asked calls: what people were asked about in a thread, and in the threads it was copied from.

On a new branch such calls are held for a person, whatever the agent's graph lets through: a fork
may leave out the node that asks, or change the call after it was approved. It may also write a call
that the agent never made. So where a person wrote the state, and in copies, the tools count that
people were asked about in any thread of the agent, and a call that was written is asked about
whatever its tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Q, QuerySet

from agents.models import CallVerdict, Interrupt, Run, Thread
from agents.prepared import Each, Given, Prepared
from agents.reviews.dialects import node_interrupt, questions, raw, typed
from agents.services import call_verdicts, interrupts
from agents.services.column_text import column_text
from reviewconsole.protocol.plain import Plain, Typed

_IN_WORDS = (node_interrupt.NAME, questions.NAME, raw.NAME, typed.NAME)
"""The forms of questions that name no call."""


_TELLING = 6  # characters

_WHOLE = "z"  # after every checkpoint id: an agent's own copy has all of its source


def sources(thread: Thread) -> tuple[tuple[int, str], ...]:
    """The threads whose history a thread began with, nearest first, each with its last checkpoint.

    Queries: none where it is no copy, else one a copy.
    """
    found: list[tuple[int, str]] = []
    source, until = thread.copied_from_id, thread.copied_checkpoint_id or _WHOLE
    while source is not None:
        found.append((source, until))
        ((source, earlier),) = _COPIED(pk=source)
        until = min(until, earlier or _WHOLE) if source is not None else until
    return tuple(found)


def _copied() -> QuerySet[Thread, tuple[int | None, str]]:
    row = Thread.objects.filter(pk=Given("pk", int)).order_by()
    return row.values_list("copied_from", "copied_checkpoint_id")


_COPIED = Prepared(_copied)


def was_asked(thread: Thread, *, tool: str, call_id: str) -> bool:
    """Whether people were asked about this call, or any of this tool, on whatever branch.

    So is a call that a fork wrote, as far as its id tells; and any in a copy of a deleted thread,
    of which nobody can tell any more what was written. `call_id` is as a column keeps it; an empty
    one is that of a call which has none. Queries: 2 where one was decided, else 3; for a copy 1
    more, and one more a source.
    """
    threads = _with_sources(thread)
    if _has_deleted(threads):
        return True
    written = _WRITTEN(threads=threads)
    if any(_names(update, call_id) for (update,) in written):
        return True
    is_written = bool(written) or thread.copied_from_id is not None
    which = {"threads": threads, "tool": tool, "call_id": call_id or None}  # NULL is no call's id
    decided = _OF_AGENT(**which, agent=thread.agent_id) if is_written else _OF_THREADS(**which)
    return bool(decided) or any(
        name == tool or (call_id and _as_kept(known) == call_id)
        for known, name in _undecided(threads)
    )


def _about(alike: Q) -> QuerySet[CallVerdict, tuple[int]]:
    """Something that was decided about such calls of a tool, or about one with an id."""
    same = Q(thread__any=Each("threads", int), call_id=Given("call_id", str))
    decided = CallVerdict.objects.filter(Q(alike, tool=Given("tool", str)) | same)
    return decided.order_by().values_list("pk")[:1]


_OF_AGENT = Prepared(lambda: _about(Q(thread__agent=Given("agent", int))))
_OF_THREADS = Prepared(lambda: _about(Q(thread__any=Each("threads", int))))


def tools(thread: Thread, among: Iterable[str], *, writes: bool) -> tuple[str, ...]:
    """Those of these tools whose calls people were asked about; `writes` tells that a fork writes.

    Queries: as in `was_asked`.
    """
    threads = _with_sources(thread)
    if _has_deleted(threads):
        return tuple(dict.fromkeys(among))
    is_written = writes or thread.copied_from_id is not None or bool(_IS_WRITTEN(threads=threads))
    where = Q(thread__agent=thread.agent_id) if is_written else Q(thread__in=threads)
    decided = CallVerdict.objects.filter(where).order_by().values_list("tool", flat=True)
    names = {*decided.distinct(), *(name for _, name in _undecided(threads))}
    return tuple(name for name in dict.fromkeys(among) if name in names)


def _has_deleted(threads: Sequence[int]) -> bool:
    """Whether nobody can tell any more what was asked in one of a copy's sources."""
    return len(threads) > 1 and bool(_DELETED(threads=threads))


def _deleted() -> QuerySet[Thread, tuple[int]]:
    rows = Thread.objects.filter(pk__any=Each("threads", int), deleted_at__isnull=False)
    return rows.order_by().values_list("pk")[:1]


_DELETED = Prepared(_deleted)


def _with_sources(thread: Thread) -> Sequence[int]:
    return (thread.pk, *(source for source, _ in sources(thread)))


def _written() -> QuerySet[Run, tuple[Plain]]:
    """What forks have written into the state."""
    forks = Run.objects.filter(
        thread__any=Each("threads", int), trigger=Run.Trigger.FORK, attempt__gte=1,
        update__isnull=False,
    )  # fmt: skip
    return forks.order_by().values_list("update")


_WRITTEN = Prepared(_written)
_IS_WRITTEN = Prepared(lambda: _written().values_list("pk")[:1])


def _as_kept(call_id: str) -> str:
    return column_text(call_id, 255)


def _names(value: Plain, call_id: str) -> bool:
    """Whether an id stands anywhere in a value; one that is missing may be any call's."""
    waiting = [value]
    while call_id and waiting:
        match waiting.pop():
            case str() as text if _has_id(text, call_id):
                return True
            case list() as items:
                waiting.extend(items)
            case dict() as items:
                waiting.extend((*items.keys(), *items.values()))
            case Typed(payload=payload):
                waiting.append(payload)
    return not call_id


def _has_id(text: str, call_id: str) -> bool:
    """Whether a text is an id, or holds one that is too long to stand there by chance."""
    is_telling = len(call_id) >= _TELLING
    return call_id in column_text(text) if is_telling else _as_kept(text) == call_id


def _undecided(threads: Sequence[int]) -> Iterator[tuple[str, str]]:
    """The ids and tools of calls that were asked about, where no verdict was kept of them.

    "" stands for what is not known. A call that asks itself is left out: it must run to do so.
    """
    for asked in _UNDECIDED(threads=threads):
        request = interrupts.request_of(asked, learned=False)
        names = [] if request.is_question else [action.name for action in request.actions]
        for position in range(max(len(names), len(asked.call_ids))):
            call_id = str(asked.call_ids[position]) if position < len(asked.call_ids) else ""
            name = names[position] if position < len(names) else ""
            if not _asks_itself(asked, call_id, name):
                yield call_id, name


def _without_verdict() -> QuerySet[Interrupt]:
    rows = Interrupt.objects.filter(thread__any=Each("threads", int), decision__calls=None)
    about_calls = rows.exclude(dialect__in=_IN_WORDS, call_ids=[])
    return about_calls.select_related("thread__agent").defer("thread__snapshot").order_by()


_UNDECIDED = Prepared(_without_verdict)


def _asks_itself(asked: Interrupt, call_id: str, name: str) -> bool:
    """Whether the call in which this was asked is the very one that it is about."""
    origin = asked.origin
    if call_verdicts.is_of_gate(asked) or not isinstance(origin, dict) or "tool" not in origin:
        return False
    running = origin.get("call_id")
    return call_id == running if call_id and running else name in ("", origin["tool"])
