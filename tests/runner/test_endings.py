"""Which ends of a connection are worth another attempt."""

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from reviewconsole.protocol.exceptions import (
    FrameTooLarge,
    MalformedFrame,
    OutOfOrder,
    Unauthorised,
    WrongVersion,
)
from reviewconsole.protocol.messages import RefusalCode
from reviewconsole.runner.endings import breach, hopeless
from reviewconsole.runner.exceptions import Refusal


def closed(code: int) -> Exception:
    """The end of a connection that the console closed."""
    return ConnectionClosedError(Close(code, "why"), None, None)


def status(code: int) -> Exception:
    """A refused opening handshake."""
    return InvalidStatus(Response(code, "", Headers()))


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (closed(4401), Unauthorised),
        (closed(4426), WrongVersion),
        (status(401), Unauthorised),
        (status(403), Unauthorised),
        (Refusal(RefusalCode.FORBIDDEN, "no"), Refusal),
        (Refusal(RefusalCode.UNAVAILABLE, "locked"), type(None)),
        (status(502), type(None)),
        (closed(1001), type(None)),
        (closed(4400), type(None)),
        (ConnectionClosedError(None, None), type(None)),
        (ConnectionRefusedError(), type(None)),
    ],
)
def test_hopeless(end: Exception, kind: type) -> None:
    """A refused token or version stays refused; all else may pass."""
    assert type(hopeless(end)) is kind


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (closed(4400), MalformedFrame),
        (closed(4409), OutOfOrder),
        (closed(4413), FrameTooLarge),
        (closed(1009), FrameTooLarge),
        (MalformedFrame("garbage"), MalformedFrame),
        (closed(1001), type(None)),
        (closed(4999), type(None)),
        (ConnectionClosedError(None, None), type(None)),
        (ConnectionResetError(), type(None)),
    ],
)
def test_breach(end: Exception, kind: type) -> None:
    """What would break the next connection the same way is told from a mere loss."""
    assert type(breach(end)) is kind


def test_the_remedy_comes_first() -> None:
    """Then what the console said."""
    assert str(hopeless(closed(4426))) == f"{WrongVersion.__doc__} (the console: why)"
