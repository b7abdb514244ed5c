"""What waits to be sent to the console: in order, bounded, filled from any thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from reviewconsole.protocol import codec
from reviewconsole.protocol.exceptions import FrameTooLarge, MalformedFrame
from reviewconsole.protocol.messages import (
    CallEnded,
    CallTool,
    ChannelValue,
    Failed,
    Finished,
    Paused,
    Put,
    PutWrites,
    Request,
    Result,
    Show,
    Whole,
    Write,
)
from reviewconsole.runner.awaited import Awaited
from reviewconsole.runner.sent_parts import SentParts

FRAME_BYTES = 1_000_000  # a larger request travels alone
FRAME_OVERHEAD = 16  # id and array headers, rounded up
QUEUE_BYTES = 64 * 1024 * 1024
COMPANY_SECONDS = 0.003  # that what nobody waits for waits for what follows it at once


Results: TypeAlias = tuple[Result, ...]


class Call:
    """Requests that one caller submitted together, and where their results go."""

    def __init__(self, count: int, future: Future[Results] | Awaited[Results]) -> None:
        self._future = future
        self._results: dict[int, Result] = {}
        self._count = count
        if not count:
            future.set_result(())

    def settle(self, position: int, result: Result) -> None:
        """Note one result; with the last one the future is done."""
        self._results[position] = result
        if len(self._results) == self._count and not self._future.done():
            self._future.set_result(tuple(self._results[i] for i in range(self._count)))

    def fail(self, error: Exception) -> None:
        """End the future with an error; the first one counts."""
        if not self._future.done():
            self._future.set_exception(error)


@dataclass(slots=True, eq=False)
class Pending:
    """One request on its way."""

    request: Request
    call: Call
    position: int
    weight: int  # bytes it holds in memory
    queued_at: float  # seconds of `time.monotonic`
    is_patient: bool  # nobody waits for it, but see `_is_patient`
    whole: bool = False  # the console lacked a part: send every part
    alone: bool = False  # its result did not fit into a reply with others


@dataclass(slots=True)
class Batch:
    """What fits into the next frame: the pending requests, what is sent of each, its bytes."""

    limit: int  # bytes
    pending: list[Pending] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    encoded: list[bytes] = field(default_factory=list)
    size: int = FRAME_OVERHEAD

    def has_room_for(self, item: Pending, size: int) -> bool:
        """Whether a request of so many bytes belongs into this frame."""
        if item.alone or any(other.alone for other in self.pending[:1]):
            return not self.pending
        fits = len(self.pending) < codec.MOST_REQUESTS and self.size + size <= self.limit
        return fits or not self.pending


class Outbox:
    """The queue between the callers' threads and the connection's.

    Every request put in is settled exactly once: by its result, by what is wrong with it, or by
    `end`. Only the connection's thread takes out, puts back and settles.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Pending] = deque()
        self._queued_bytes = 0
        self._impatient = 0  # of those queued
        self._unsettled: set[Pending] = set()
        self._ended: Exception | None = None

    def put(
        self, requests: Sequence[Request], *, wait: bool = False, urgent: bool = False
    ) -> Future[Results]:
        """Queue requests in order, and return the future of their results: see `queue`.

        It cannot be cancelled: what was submitted is sent, whoever stops waiting.
        """
        future: Future[Results] = Future()
        future.set_running_or_notify_cancel()
        self.queue(requests, future, wait=wait, urgent=urgent)
        return future

    def queue(
        self,
        requests: Sequence[Request],
        future: Future[Results] | Awaited[Results],
        *,
        wait: bool = False,
        urgent: bool = False,
    ) -> bool:
        """Queue requests in order: at the end, or where `urgent` before all others.

        Returns whether anybody waits for one of them; else they may wait for company. With `wait`,
        blocks while too many bytes are queued.

        Raises:
            Exception: the one that `end` was given.
        """
        call = Call(len(requests), future)
        now = time.monotonic()
        pending = [
            Pending(request, call, position, _weight(request), now, _is_patient(request))
            for position, request in enumerate(requests)
        ]
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._ended or self._queued_bytes < QUEUE_BYTES)
            if self._ended:
                raise self._ended
            self._unsettled.update(pending)
            if urgent:
                self._queue.extendleft(reversed(pending))
            else:
                self._queue.extend(pending)
            self._note(pending)
        return not all(item.is_patient for item in pending)

    def put_back(self, pending: Iterable[Pending]) -> None:
        """Queue again, before everything newer, what has to be sent again."""
        with self._changed:
            again = [item for item in pending if item in self._unsettled]
            self._queue.extendleft(reversed(again))
            self._note(again)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be taken; whoever queues something rings afterwards."""
        return not self._queue

    def patience(self) -> float:
        """Seconds until the next frame is due: none where anybody waits for it."""
        with self._changed:
            if self._impatient or not self._queue:
                return 0.0
            return self._queue[0].queued_at + COMPANY_SECONDS - time.monotonic()

    def take(self, sent: SentParts, max_frame_bytes: int) -> Batch:
        """Take what belongs into the next frame, without the parts in `sent`; empty if nothing.

        A request that cannot be sent is failed on the way.
        """
        batch = Batch(min(FRAME_BYTES, max_frame_bytes))
        dropped: list[Pending] = []
        while self._queue:
            item = self._queue[0]
            request, new = (item.request, set()) if item.whole else sent.thin(item.request)
            try:
                encoded = codec.encode_request(request)
                _check_size(item.request, len(encoded), max_frame_bytes)
            except (MalformedFrame, FrameTooLarge) as error:
                dropped.append(self._queue.popleft())
                self.fail(item, error)
                continue
            if not batch.has_room_for(item, len(encoded)):
                break
            dropped.append(self._queue.popleft())
            sent.note(request, new)
            batch.pending.append(item)
            batch.requests.append(request)
            batch.encoded.append(encoded)
            batch.size += len(encoded)
        self._note_dropped(dropped)
        return batch

    def settle(self, settled: Collection[tuple[Pending, Result]]) -> None:
        """Hand results to the callers."""
        for item, result in settled:
            item.call.settle(item.position, result)
        self._forget(item for item, _ in settled)

    def fail(self, item: Pending, error: Exception) -> None:
        """Hand an error to the caller."""
        item.call.fail(error)
        self._forget([item])

    def wait_settled(self, timeout: float) -> bool:
        """Block until every request is settled, or for `timeout` seconds. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unsettled, timeout)

    def end(self, error: Exception) -> None:
        """Refuse further requests and fail all that are not settled, with `error`."""
        with self._changed:
            self._ended = error
            unsettled, self._unsettled = self._unsettled, set()
            self._queue.clear()
            self._queued_bytes = self._impatient = 0
            self._changed.notify_all()
        for item in unsettled:
            item.call.fail(error)

    def _note(self, queued: Iterable[Pending]) -> None:
        for item in queued:
            self._queued_bytes += item.weight
            self._impatient += not item.is_patient

    def _note_dropped(self, dropped: Sequence[Pending]) -> None:
        weight = sum(item.weight for item in dropped)
        impatient = sum(not item.is_patient for item in dropped)
        with self._changed:
            self._queued_bytes -= weight
            self._impatient -= impatient
            if weight:
                self._changed.notify_all()

    def _forget(self, items: Iterable[Pending]) -> None:
        with self._changed:
            self._unsettled.difference_update(items)
            if not self._unsettled:
                self._changed.notify_all()


def _is_patient(request: Request) -> bool:
    """Whether the agent goes on meanwhile, and soon saves what it goes on to.

    A task's writes and the end of a call come before the checkpoint of their step, a moment later:
    in one frame, the console does them in one transaction instead of two or three.
    """
    match request:
        case PutWrites(replace=replaces):
            return not replaces  # a pause or an error ends the step
        case CallEnded():
            return True
    return False


def _check_size(request: Request, size: int, limit: int) -> None:
    if size + FRAME_OVERHEAD > limit:
        thread = getattr(request, "thread", None)
        whose = f" of thread {thread!r}" if thread else ""
        raise FrameTooLarge(
            f"a {type(request).__name__}{whose} takes {size} bytes, the console takes {limit} at "
            "once: raise its RUNNER_MAX_FRAME_BYTES or keep less in the state"
        )


def _weight(request: Request) -> int:
    match request:
        case Put(document=document, metadata=metadata, values=values):
            return len(document) + len(metadata) + sum(map(_value_bytes, values))
        case Show(values=values):
            return sum(map(_value_bytes, values))
        case PutWrites(writes=writes):
            return sum(map(_value_bytes, writes))
        case Paused(snapshot=Whole(data=data)) | Finished(snapshot=Whole(data=data)):
            return len(data)
        case Failed(snapshot=Whole(data=data)):
            return len(data)
        case CallTool(args=Whole(data=data)) | CallEnded(result=Whole(data=data)):
            return len(data)
    return 0  # small


def _value_bytes(item: ChannelValue | Write) -> int:
    value = item.value
    return len(value.data) if isinstance(value, Whole) else sum(map(len, value.new))
