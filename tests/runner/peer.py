"""An in-memory console for tests of the runner: the real wire, a dict for a database, and faults.

A test plays the console's part with it: hands out runs, refuses requests, loses replies, drops
connections, goes away and comes back on the same port.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self, TypeVar, assert_never

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from reviewconsole.protocol import codec, plain, tagged
from reviewconsole.protocol.exceptions import ProtocolError
from reviewconsole.protocol.messages import (
    VERSION,
    Admission,
    Applied,
    Assignment,
    Assignments,
    Beat,
    CallEnded,
    CallTool,
    Cancelled,
    ChannelValue,
    Claim,
    CopyThread,
    DeleteForRuns,
    DeleteThread,
    Delivered,
    Done,
    Failed,
    Finished,
    Found,
    Get,
    Heartbeat,
    Hello,
    Hint,
    Lease,
    List,
    Paused,
    Progress,
    Prune,
    Put,
    PutWrites,
    RefusalCode,
    Refused,
    Release,
    Request,
    Result,
    Show,
    StoredCheckpoint,
    StoredWrite,
    Value,
    Verdict,
    Welcome,
    Whole,
)
from reviewconsole.protocol.parts import HASH_BYTES, join, part_hash
from reviewconsole.protocol.session import ConsoleSession

TOKEN = "a token"
PATIENCE_SECONDS = 10
T = TypeVar("T")


class MissingPart(Exception):
    """A hash names a part that the thread does not have."""


class Store:
    """Checkpoints as the console keeps them: arrays as parts, once a thread."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[bytes, bytes]] = {}
        self._checkpoints: dict[tuple[str, str, str], Put] = {}
        self._values: dict[tuple[str, str, str, str], Whole] = {}
        self.shown: dict[tuple[str, str, str, str], Whole] = {}
        self._writes: dict[
            tuple[str, str, str], dict[tuple[str, int], tuple[str, StoredWrite]]
        ] = {}

    def put(self, request: Put) -> None:
        """Store a checkpoint; its values once."""
        values = [(item, self._whole(request.thread, item.value)) for item in request.values]
        for item, value in values:
            key = (request.thread, request.ns, item.channel, item.version)
            self._values.setdefault(key, value)
        self._checkpoints[request.thread, request.ns, request.checkpoint_id] = request

    def put_writes(self, request: PutWrites) -> None:
        """Store writes; the first stays unless the request replaces."""
        key = (request.thread, request.ns, request.checkpoint_id)
        rows = self._writes.setdefault(key, {})
        for write in request.writes:
            value = self._whole(request.thread, write.value)
            row = request.task_path, StoredWrite(request.task_id, write.channel, value)
            if request.replace:
                rows[request.task_id, write.index] = row
            else:
                rows.setdefault((request.task_id, write.index), row)

    def find(self, request: Get | List) -> Found:
        """Read what matches, newest first."""
        puts = [
            put
            for (thread, ns, checkpoint_id), put in self._checkpoints.items()
            if request.thread in (None, thread)
            and request.ns in (None, ns)
            and request.checkpoint_id in (None, checkpoint_id)
        ]
        puts.sort(key=lambda put: put.checkpoint_id, reverse=True)
        if isinstance(request, Get):
            return Found(tuple(map(self._stored, puts[:1])))
        wanted = (request.metadata or {}).items()
        matching = [
            put
            for put in puts
            if (request.before is None or put.checkpoint_id < request.before)
            and wanted <= _metadata(put).items()
        ]
        return Found(tuple(map(self._stored, matching[: request.limit])))

    def delete(self, thread: str) -> None:
        """Delete a thread."""
        self._parts.pop(thread, None)
        self._checkpoints = {k: put for k, put in self._checkpoints.items() if k[0] != thread}
        self._values = {k: value for k, value in self._values.items() if k[0] != thread}
        self._writes = {k: rows for k, rows in self._writes.items() if k[0] != thread}

    def forget(self, thread: str, checkpoint_id: str) -> None:
        """Lose one checkpoint of the agent's own graph, as pruning does."""
        del self._checkpoints[thread, "", checkpoint_id]

    def copy(self, thread: str, target: str) -> None:
        """Copy a thread."""
        self._parts[target] = dict(self._parts.get(thread, {}))
        for rows in (self._checkpoints, self._values, self._writes):
            copied = {(target, *key[1:]): row for key, row in rows.items() if key[0] == thread}
            rows.update(copied)
        for key, put in self._checkpoints.items():
            self._checkpoints[key] = replace(put, thread=key[0])

    def keep_latest(self, threads: Iterable[str]) -> None:
        """Keep the newest checkpoint of each namespace."""
        newest = {key[:2]: key for key in sorted(self._checkpoints)}
        self._keep(
            key for key in self._checkpoints if key[0] not in threads or key in newest.values()
        )

    def delete_for_runs(self, runs: Iterable[str]) -> None:
        """Delete what these runs stored."""
        stored = self._checkpoints.items()
        self._keep(key for key, put in stored if _metadata(put).get("run_id") not in runs)

    def _keep(self, keys: Iterable[tuple[str, str, str]]) -> None:
        self._checkpoints = {key: self._checkpoints[key] for key in keys}
        self._writes = {key: rows for key, rows in self._writes.items() if key in self._checkpoints}

    def show(self, request: Show) -> None:
        """Keep what people read of channels, by namespace, channel and version."""
        for item in request.values:
            key = (request.thread, request.ns, item.channel, item.version)
            self.shown.setdefault(key, self._whole(request.thread, item.value))

    def _whole(self, thread: str, value: Value) -> Whole:
        if isinstance(value, Whole):
            return value
        known = self._parts.setdefault(thread, {})
        known |= {part_hash(part): part for part in value.new}
        names = (value.hashes[i : i + HASH_BYTES] for i in range(0, len(value.hashes), HASH_BYTES))
        try:
            return Whole(value.kind, join([known[name] for name in names]))
        except KeyError:
            raise MissingPart from None

    def _stored(self, put: Put) -> StoredCheckpoint:
        document: Any = plain.decode("msgpack", put.document)
        keys = [
            (channel, str(version)) for channel, version in document["channel_versions"].items()
        ]
        rows = self._writes.get((put.thread, put.ns, put.checkpoint_id), {})
        ordered = sorted(rows.items(), key=lambda row: (row[1][0], *row[0]))
        return StoredCheckpoint(
            thread=put.thread,
            ns=put.ns,
            checkpoint_id=put.checkpoint_id,
            parent_id=put.parent_id,
            document=put.document,
            metadata=put.metadata,
            values=tuple(
                ChannelValue(channel, version, self._values[put.thread, put.ns, channel, version])
                for channel, version in keys
                if (put.thread, put.ns, channel, version) in self._values
            ),
            writes=tuple(write for _, (_, write) in ordered),
        )


class Peer:
    """A console on a port of 127.0.0.1, in a thread of its own; `with Peer() as peer`."""

    def __init__(
        self, *, max_frame_bytes: int = 64 * 1024 * 1024, heartbeat_seconds: float = 60
    ) -> None:
        self.max_frame_bytes = max_frame_bytes
        self.heartbeat_seconds = heartbeat_seconds
        self.store = Store()
        self.received: list[Request] = []  # in order, each time it came
        self.frames: list[tuple[Request, ...]] = []
        self.runs: deque[Assignment] = deque()  # handed out at the next claim
        self.lost: set[Lease] = set()  # fenced, and said to be lost
        self.cancelled: set[Lease] = set()
        # What a test may put in place of the ordinary answer; None leaves it as it is.
        self.answer_instead: Callable[[Request], Result | None] = lambda request: None
        self.close_instead: tuple[int, str] | None = None  # at the next connection
        self.port = 0
        self._effects = 0
        self._lose_replies = False
        self._holding = False
        self._held: list[tuple[ServerConnection, bytes]] = []
        self._connections: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="peer", daemon=True)
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._do(asyncio.sleep(0))  # the connections that were cut are lost in the next round
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The address to give to a runner."""
        return f"ws://127.0.0.1:{self.port}"

    def of(self, *kinds: type[T]) -> list[T]:
        """The requests of these kinds, in the order they came."""
        return [request for request in self.received if isinstance(request, kinds)]

    # Faults -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen; after `stop`, on the same port."""

        async def listen() -> Server:
            return await serve(self._serve, "127.0.0.1", self.port, max_size=None, compression=None)

        self._server = self._do(listen())
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    def stop(self) -> None:
        """Drop everybody and stop listening. What was stored stays."""
        if self._server is not None:
            self._server.close(close_connections=False)
            self.drop()
            self._do(self._server.wait_closed())
            self._server = None

    def drop(self) -> None:
        """Cut every connection without a word."""

        async def cut() -> None:
            shaking_hands = self._server.all_connections if self._server is not None else ()
            for connection in {*self._connections, *shaking_hands}:
                connection.transport.abort()

        self._do(cut())

    def hold(self) -> None:
        """Do requests, but keep the replies until `proceed`; a hello is answered all the same."""
        self._holding = True

    def proceed(self) -> None:
        """Send the replies that were held."""

        async def send_held() -> None:
            self._holding = False
            held, self._held = self._held, []
            for connection, reply in held:
                with suppress(ConnectionClosed):
                    await connection.send(reply)

        self._do(send_held())

    def lose_next_reply(self) -> None:
        """Do the next frame's requests, then cut the connection in place of the reply."""
        self._lose_replies = True

    def send(self, data: bytes | str) -> None:
        """Send any frame to everybody."""

        async def send() -> None:
            for connection in self._connections:
                await connection.send(data)

        self._do(send())

    def hint(self, *hints: Hint) -> None:
        """Send hints to everybody."""
        self.send(codec.encode_hints(hints))

    # The console's part -----------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        if request is None or request.headers.get("Authorization") != f"Bearer {TOKEN}":
            await connection.close(4401, "this token is unknown")
            return
        if self.close_instead is not None:
            code, reason = self.close_instead
            self.close_instead = None
            await connection.close(code, reason)
            return
        session = ConsoleSession(self.max_frame_bytes)
        self._connections.add(connection)
        try:
            async for data in connection:
                if isinstance(data, str):
                    await connection.close(4400, "text frame")
                    return
                await self._answer_frame(connection, session, data)
        except ConnectionClosed:
            pass
        except ProtocolError as error:
            await connection.close(error.close_code, str(error)[:120])
        finally:
            self._connections.discard(connection)

    async def _answer_frame(
        self, connection: ServerConnection, session: ConsoleSession, data: bytes
    ) -> None:
        frame_id, requests = session.receive(data)
        self.frames.append(requests)
        self.received += requests
        results = [self._answer(request) for request in requests]
        if self._lose_replies:
            self._lose_replies = False
            connection.transport.abort()
            return
        reply = codec.encode_reply(frame_id, results)
        if self._holding and not isinstance(requests[0], Hello):
            self._held.append((connection, reply))
        else:
            await connection.send(reply)

    def _answer(self, request: Request) -> Result:
        instead = self.answer_instead(request)
        if instead is not None:
            return instead
        fence = getattr(request, "lease", getattr(request, "scope", None))
        if fence in self.lost:
            return Refused(RefusalCode.FENCED, f"{fence} is over")
        try:
            return self._do_request(request)
        except MissingPart:
            return Refused(RefusalCode.MISSING_PARTS, "a part is missing")

    def _do_request(self, request: Request) -> Result:
        match request:
            case Hello():
                return Welcome(
                    version=VERSION,
                    runner=1,
                    lease_seconds=3 * self.heartbeat_seconds,
                    heartbeat_seconds=self.heartbeat_seconds,
                    max_frame_bytes=self.max_frame_bytes,
                    lost=_among(request.held, self.lost),
                )
            case Heartbeat(held=held):
                return Beat(lost=_among(held, self.lost), cancel=_among(held, self.cancelled))
            case Claim(free=free):
                count = min(free, len(self.runs))
                return Assignments(tuple(self.runs.popleft() for _ in range(count)))
            case Get() | List():
                return self.store.find(request)
            case Put():
                self.store.put(request)
            case PutWrites():
                self.store.put_writes(request)
            case DeleteThread(thread=thread):
                self.store.delete(thread)
            case CopyThread(thread=thread, target=target):
                self.store.copy(thread, target)
            case Prune(threads=threads):
                self.store.keep_latest(threads)
            case DeleteForRuns(runs=runs):
                self.store.delete_for_runs(runs)
            case Show():
                self.store.show(request)
            case CallTool():
                self._effects += 1
                return Admission(Verdict.RUN, "", self._effects)
            case (
                Release() | Paused() | Finished() | Failed() | Cancelled() | Delivered() | Applied()
                | Progress() | CallEnded()
            ):  # fmt: skip
                pass
            case _:
                assert_never(request)
        return Done()

    def _do(self, job: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(PATIENCE_SECONDS)


def _among(held: Iterable[Lease], those: set[Lease]) -> tuple[Lease, ...]:
    return tuple(lease for lease in held if lease in those)


def _metadata(put: Put) -> Any:
    return tagged.loads(put.metadata.decode())
