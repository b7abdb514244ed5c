"""One connection, both ends, as a state machine over frames: bytes in, checked messages out.

No socket and no clock: a consumer or a client feeds it what arrived and sends what it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reviewconsole.protocol import codec
from reviewconsole.protocol.exceptions import (
    FrameTooLarge,
    MalformedFrame,
    OutOfOrder,
    WrongVersion,
)
from reviewconsole.protocol.messages import (
    VERSION,
    Admission,
    Assignments,
    Beat,
    CallTool,
    Claim,
    Done,
    Found,
    Get,
    Heartbeat,
    Hello,
    Hint,
    List,
    Refused,
    Request,
    Result,
    Welcome,
)

_ANSWERS: dict[type[Request], type[Result]] = {
    Hello: Welcome,
    Heartbeat: Beat,
    Claim: Assignments,
    CallTool: Admission,
    Get: Found,
    List: Found,
}  # every other request is answered by `Done`, and any by `Refused`


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


class Answered(NamedTuple):
    """A reply matched to its frame: one result for each of its requests, in order."""

    frame_id: int
    results: tuple[Result, ...]


@dataclass(slots=True)
class RunnerSession:
    """The runner's end: numbers its frames and matches replies to them."""

    _last_id: int = 0
    _sent: dict[int, tuple[type[Result], ...]] = field(default_factory=dict)  # id → answers due

    @property
    def unanswered(self) -> int:
        """How many frames wait for their reply."""
        return len(self._sent)

    def send(self, requests: Sequence[Request]) -> tuple[int, bytes]:
        """Make the next request frame: its id and its bytes.

        Raises:
            MalformedFrame: a request cannot be written; no frame was made.
        """
        return self.send_encoded(requests, [codec.encode_request(request) for request in requests])

    def send_encoded(
        self, requests: Sequence[Request], encoded: Sequence[bytes]
    ) -> tuple[int, bytes]:
        """Make the next request frame of requests that `codec.encode_request` has written."""
        self._last_id += 1
        self._sent[self._last_id] = tuple(_ANSWERS.get(type(item), Done) for item in requests)
        return self._last_id, codec.join_requests(self._last_id, encoded)

    def receive(self, data: bytes) -> Answered | tuple[Hint, ...]:
        """Read a reply or hints.

        Raises:
            MalformedFrame: the bytes are no frame, or hold other results than were asked for.
            OutOfOrder: no frame of that id waits for a reply.
        """
        reply = codec.decode_reply(data)
        if not isinstance(reply, codec.Reply):
            return reply
        if reply.frame_id not in self._sent:
            raise OutOfOrder(f"a reply to frame {reply.frame_id}, which waits for none")
        due = self._sent.pop(reply.frame_id)
        results = (Done(),) * len(due) if reply.results is None else reply.results
        if len(results) != len(due):
            raise MalformedFrame(f"{len(results)} results where {len(due)} were due")
        for result, answer in zip(results, due, strict=True):
            if not isinstance(result, answer | Refused):
                raise MalformedFrame(f"{type(result).__name__} where {answer.__name__} was due")
        return Answered(reply.frame_id, results)
