"""What the end of a connection means: try again, give up, or blame what was in flight."""

from __future__ import annotations

from websockets.exceptions import ConnectionClosed, InvalidStatus

from reviewconsole.protocol.exceptions import (
    FrameTooLarge,
    MalformedFrame,
    OutOfOrder,
    ProtocolError,
    Unauthorised,
    WrongVersion,
)
from reviewconsole.protocol.messages import RefusalCode
from reviewconsole.runner.exceptions import Refusal

_HOPELESS: dict[int, type[ProtocolError]] = {
    Unauthorised.close_code: Unauthorised,
    WrongVersion.close_code: WrongVersion,
}
_BREACHES: dict[int, type[ProtocolError]] = {
    MalformedFrame.close_code: MalformedFrame,
    OutOfOrder.close_code: OutOfOrder,
    FrameTooLarge.close_code: FrameTooLarge,
    1009: FrameTooLarge,  # the same, said by a proxy on the way
}


def hopeless(error: Exception) -> Exception | None:
    """What no reconnecting can heal, with its remedy; None where trying again may help."""
    match error:
        case InvalidStatus(response=response) if response.status_code in (401, 403):
            return Unauthorised(f"{Unauthorised.__doc__} (HTTP {response.status_code})")
        case Refusal(reason=reason) if reason is not RefusalCode.UNAVAILABLE:
            return error
    return _closed_by(error, _HOPELESS)


def breach(error: Exception) -> ProtocolError | None:
    """How the protocol was broken, by either end; None where the connection was merely lost."""
    return error if isinstance(error, ProtocolError) else _closed_by(error, _BREACHES)


def _closed_by(error: Exception, known: dict[int, type[ProtocolError]]) -> ProtocolError | None:
    if not isinstance(error, ConnectionClosed) or error.rcvd is None:
        return None
    kind = known.get(error.rcvd.code)
    if kind is None:
        return None
    said = f" (the console: {error.rcvd.reason})" if error.rcvd.reason else ""
    return kind(f"{kind.__doc__}{said}")
