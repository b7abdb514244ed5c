"""Time travel: replays and forks, runs that make a new branch. The past stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agents.models import Run
from agents.services.foresight import Foresight, foresee
from reviewconsole.protocol.plain import Plain

if TYPE_CHECKING:
    from django.contrib.auth.models import User

__all__ = ("Foresight", "change_decision", "foresee", "fork", "replay")


def replay(
    *,
    thread: int,
    checkpoint_id: str,
    next: Sequence[str],
    user: User,
    ns: str = "",
    reason: str = "",
) -> Run:
    """Run on from a checkpoint of the past, as it was. Its pauses ask again.

    `next` are the nodes that the page said are next there.

    Raises:
        NotAllowed: the person may not start runs.
        NotFound: there is no such thread or checkpoint.
        CannotTravel: other nodes are next there than the page said, or none, or one is gone.
        ThreadBusy: another run than a replay or fork is queued or running on the thread.
    """
    raise NotImplementedError


def fork(
    *,
    thread: int,
    checkpoint_id: str,
    next: Sequence[str],
    user: User,
    ns: str = "",
    update: Mapping[str, Plain] | None = None,
    as_node: str = "",
    stays: bool = False,
    reason: str = "",
) -> Run:
    """Change a checkpoint of the past, and run on from there or stay.

    `update` are channels of the state and their values; `as_node` whose writes they are: "" for the
    node that ran last, "__end__" to finish. Without `update` the node is skipped.

    Raises:
        As `replay`; InvalidInput: a channel or value that cannot be written (`errors` by paths like
            `state.<channel>`), or no such node (`as_node`).
    """
    raise NotImplementedError


def change_decision(*, interrupt: int, user: User, reason: str) -> Run:
    """Let the agent ask a decided question again, on a new branch. The old branch stays.

    Raises:
        NotAllowed: the person may neither decide nor start runs.
        NotFound: there is no such interrupt.
        InvalidInput: no reason is given; `errors` by `reason`.
        CannotTravel: it is not decided, or its decision never counted; the text says what to do.
        ThreadBusy: as `replay`.
    """
    raise NotImplementedError
