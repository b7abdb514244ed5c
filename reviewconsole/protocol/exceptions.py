"""What can be wrong with a frame, or with the console that took it.

ProtocolError                the connection is closed with `close_code`
├── Restarting        1012   the console ends; connect again at once
├── TryAgain          1013   the console's database does not answer; connect again
├── MalformedFrame    4400   no msgpack, no frame, no message, a field of the wrong type
├── Unauthorised      4401   no token, an unknown or a revoked one
├── HelloOverdue      4408   no hello in time
├── OutOfOrder        4409   no hello first, a second hello, a frame id repeated or skipped
├── FrameTooLarge     4413   above the limit that the welcome named
└── WrongVersion      4426   the runner speaks another version of the protocol
"""

from __future__ import annotations

from typing import ClassVar


class ProtocolError(Exception):
    """The other end broke the protocol; the connection ends with `close_code`."""

    close_code: ClassVar[int] = 4400


class Restarting(ProtocolError):
    """The console ends, and has answered what came before; the next one answers the rest."""

    close_code: ClassVar[int] = 1012


class TryAgain(ProtocolError):
    """The console cannot look anything up: its database does not answer."""

    close_code: ClassVar[int] = 1013


class MalformedFrame(ProtocolError):
    """The bytes are not a frame of known messages with fields of the right types."""


class Unauthorised(ProtocolError):
    """The runner's token is missing, unknown or revoked; make one with `createrunnertoken`."""

    close_code: ClassVar[int] = 4401


class HelloOverdue(ProtocolError):
    """The runner connected and said nothing; it may connect again."""

    close_code: ClassVar[int] = 4408


class OutOfOrder(ProtocolError):
    """A frame came where another was due."""

    close_code: ClassVar[int] = 4409


class FrameTooLarge(ProtocolError):
    """A frame is larger than the console takes (RUNNER_MAX_FRAME_BYTES)."""

    close_code: ClassVar[int] = 4413


class WrongVersion(ProtocolError):
    """The two ends speak different versions; install the runner that belongs to the console."""

    close_code: ClassVar[int] = 4426
