"""One connection, both ends, as a state machine over frames: bytes in, checked messages out.

No socket and no clock: a consumer or a client feeds it what arrived and sends what it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reviewconsole.protocol import codec
from reviewconsole.protocol.exceptions import (
    FrameTooLarge,
    MalformedFrame,
    OutOfOrder,
    WrongVersion,
)
from reviewconsole.protocol.messages import VERSION, Done, Hello, Hint, Request, Result


@dataclass(slots=True)
class ConsoleSession:
    """The console's end: admits a hello, then requests with ids 1, 2, 3 …"""

    max_frame_bytes: int
    _last_id: int = 0

    def receive(self, data: bytes) -> tuple[int, tuple[Request, ...]]:
        """Check one frame and return its id and requests.

        Raises:
            ProtocolError: one of its subclasses; the connection must be closed with its code.
        """
        if len(data) > self.max_frame_bytes:
            raise FrameTooLarge(
                f"a frame of {len(data)} bytes exceeds the limit of {self.max_frame_bytes}; "
                "raise RUNNER_MAX_FRAME_BYTES or keep less in the state"
            )
        frame_id, requests = codec.decode_requests(data)
        if frame_id != self._last_id + 1:
            raise OutOfOrder(f"frame {frame_id} came where {self._last_id + 1} was due")
        self._check_hello(requests)
        self._last_id = frame_id
        return frame_id, requests

    def _check_hello(self, requests: tuple[Request, ...]) -> None:
        hellos = [request for request in requests if isinstance(request, Hello)]
        if self._last_id:
            if hellos:
                raise OutOfOrder("a second hello on one connection")
            return
        if len(requests) != 1 or not hellos:
            raise OutOfOrder("the first frame holds one hello and nothing else")
        if hellos[0].version != VERSION:
            raise WrongVersion(
                f"the runner speaks version {hellos[0].version}, the console {VERSION}; "
                "install the runner that belongs to this console"
            )


@dataclass(slots=True)
class RunnerSession:
    """The runner's end: numbers its frames and matches replies to them."""

    _last_id: int = 0
    _sent: dict[int, int] = field(default_factory=dict)  # frame id → number of its requests

    @property
    def unanswered(self) -> int:
        """How many frames wait for their reply."""
        return len(self._sent)

    def send(self, requests: Sequence[Request]) -> tuple[int, bytes]:
        """Make the next request frame: its id and its bytes."""
        self._last_id += 1
        self._sent[self._last_id] = len(requests)
        return self._last_id, codec.encode_requests(self._last_id, requests)

    def receive(self, data: bytes) -> tuple[int, tuple[Result, ...]] | tuple[Hint, ...]:
        """Read a reply (frame id and one result a request) or hints.

        Raises:
            MalformedFrame: the bytes are no frame, or hold another number of results.
            OutOfOrder: no frame of that id waits for a reply.
        """
        match codec.decode_reply(data):
            case (int(frame_id), results):
                pass
            case hints:
                return hints  # type: ignore[return-value]  # the only other form
        if frame_id not in self._sent:
            raise OutOfOrder(f"a reply to frame {frame_id}, which waits for none")
        count = self._sent.pop(frame_id)
        if results is None:
            return frame_id, (Done(),) * count
        if len(results) != count:
            raise MalformedFrame(f"{len(results)} results for the {count} requests of {frame_id}")
        return frame_id, results
