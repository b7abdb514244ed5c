"""What can go wrong between a runner and its console, and in its own process.

RunnerError
├── Refusal          the console refused one request, and says why
└── Disconnected     the client was closed before the console answered

NotInForce           LangGraph's own `interrupt`, or an unwrapped tool, can be reached

Beside them stands `reviewconsole.protocol.exceptions.ProtocolError`: a request that cannot be sent
(`MalformedFrame`, `FrameTooLarge`) and what ends a client for good (`Unauthorised`,
`WrongVersion`).
"""

from __future__ import annotations

from reviewconsole.protocol.messages import RefusalCode, Refused


class RunnerError(Exception):
    """Something between the runner and its console went wrong."""


class Refusal(RunnerError):
    """The console refused one request; the connection goes on."""

    def __init__(self, reason: RefusalCode, message: str) -> None:
        super().__init__(f"{message} ({reason})")
        self.reason = reason
        self.message = message

    @classmethod
    def of(cls, refused: Refused) -> Refusal:
        """Make the exception of a refusal that came over the wire."""
        return cls(refused.reason, refused.message)


class Disconnected(RunnerError):
    """The client was closed before the console answered; the request may or may not be done."""


class NotInForce(RuntimeError):
    """What the runner put in the place of LangGraph's or LangChain's own can be passed by."""


class Stalled(RuntimeError):
    """The stream has ended, nodes are left to run, and nothing explains why they do not."""
