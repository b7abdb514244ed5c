"""Everything that can be refused, and why.

AgentsError
├── NotAllowed            403   the person lacks the role
├── NotFound              404   no such agent, thread, interrupt or run
├── Conflict              409   somebody or something was there first
│   ├── AlreadyDecided          another reviewer's decision stands
│   ├── PauseMoved              the pause is no longer the current one
│   ├── ShownDiffers            the form was not made for what the pause says
│   ├── ThreadBusy              a run is queued or running on the thread
│   ├── ThreadWaits             the thread waits for a decision
│   ├── RunEnded                the run is over: there is nothing to cancel
│   ├── CannotAskAgain          no question of the run can be asked again
│   └── CannotTravel            the thread cannot go back to this checkpoint, or not in this way
├── Invalid               422   what was given cannot be used
│   ├── InvalidAnswer           an answer the request does not allow; `errors` by path
│   └── InvalidInput            a start or a token that cannot be used; `errors` by path
└── RequestRefused              a runner's request; `code` is the wire's refusal code
    └── TokenEnded              the token was revoked, or the process is another token's
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class AgentsError(Exception):
    """Something was refused; the text says what and what to do."""

    status: ClassVar[int] = 400


class NotAllowed(AgentsError):
    """Your role does not allow this; ask an admin for it."""

    status = 403


class NotFound(AgentsError):
    """There is no such thing, or it is not yours to see."""

    status = 404


class Conflict(AgentsError):
    """Somebody or something was there first."""

    status = 409


class AlreadyDecided(Conflict):
    """Another decision stands; `decision` is its primary key."""

    def __init__(self, message: str, *, decision: int) -> None:
        super().__init__(message)
        self.decision = decision


class PauseMoved(Conflict):
    """The pause is no longer the current one; `status` of the interrupt says what became of it."""

    def __init__(self, message: str, *, interrupt_status: str) -> None:
        super().__init__(message)
        self.interrupt_status = interrupt_status


class ShownDiffers(Conflict):
    """The form carries another fingerprint than the pause: reload and read it again."""


class ThreadBusy(Conflict):
    """A run is queued or running on the thread; wait for it or cancel it."""


class ThreadWaits(Conflict):
    """The thread waits for a decision; decide it first."""


class RunEnded(Conflict):
    """The run is over."""


class CannotAskAgain(Conflict):
    """The run did not fail on an answer, or its thread has gone on since."""


class CannotTravel(Conflict):
    """The thread cannot go back to this checkpoint, or not in this way; the text says what can."""


class Invalid(AgentsError):
    """What was given cannot be used; `errors` says why, by path."""

    status = 422

    def __init__(self, message: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.errors: dict[str, str] = dict(errors or {})


class InvalidAnswer(Invalid):
    """An answer the request does not allow; paths look like `actions.0.args.to`."""


class InvalidInput(Invalid):
    """A start or a token that cannot be used."""


class RequestRefused(AgentsError):
    """A runner's request that is refused; `code` is a `protocol.messages.RefusalCode`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TokenEnded(RequestRefused):
    """The runner's token was revoked, or its process belongs to another token."""

    def __init__(self, message: str) -> None:
        super().__init__("forbidden", message)
