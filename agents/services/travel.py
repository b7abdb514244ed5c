"""Time travel: replays and forks, runs that make a new branch. The past stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from agents import push, roles
from agents.exceptions import (
    CannotTravel,
    InvalidAnswer,
    InvalidInput,
    NotAllowed,
    NotFound,
    ThreadBusy,
)
from agents.models import Decision, Interrupt, Run, Thread
from agents.reviews.request import Arguments
from agents.services import history, runs, supersession
from agents.services.column_text import column_text
from agents.services.foresight import (
    END,
    Foresight,
    active_run,
    busy,
    context_of,
    foresee,
    has_node,
    nodes_of,
    obstacle,
    thread_of,
)
from agents.services.history import CheckpointState
from agents.services.submissions import check_update
from reviewconsole.protocol.plain import Plain
from reviewconsole.protocol.tagged import canonical

if TYPE_CHECKING:
    from django.contrib.auth.models import User

__all__ = ("Foresight", "change_decision", "foresee", "fork", "replay")

SAME_ORDER = timedelta(seconds=5)
"""In which an order that comes twice is a form sent twice."""


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
    _check_role(user)
    row = thread_of(thread)
    state = history.checkpoint(thread=row, checkpoint_id=checkpoint_id, ns=ns)
    _check_said(state, next)
    if told := obstacle(state, row.agent, as_node="", writes=False, changes=False):
        raise CannotTravel(told)
    return _queue(
        state, user, trigger=Run.Trigger.REPLAY, from_next=list(state.next), reason=reason
    )


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
    _check_role(user)
    row = thread_of(thread)
    state = history.checkpoint(thread=row, checkpoint_id=checkpoint_id, ns=ns)
    nodes = nodes_of(row.agent)
    written = _checked(row, update, as_node, nodes, changes=bool(update or as_node or stays))
    _check_said(state, next)
    writes = written is not None
    if told := obstacle(state, row.agent, as_node=as_node, writes=writes, changes=True):
        raise CannotTravel(told)
    return _queue(
        state, user, trigger=Run.Trigger.FORK, reason=reason,
        # A node that is gone is stepped over by a fork as another one.
        from_next=[node for node in state.next if has_node(nodes, node)],
        update=written, as_node=as_node, stays=stays,
    )  # fmt: skip


def change_decision(*, interrupt: int, next: Sequence[str], user: User, reason: str) -> Run:
    """Let the agent ask a decided question again, on a new branch. The old branch stays.

    `next` are the nodes that the page said are next at its pause.

    Raises:
        NotAllowed: the person may neither decide nor start runs.
        NotFound: there is no such interrupt.
        InvalidInput: no reason is given; `errors` by `reason`.
        CannotTravel: it is not decided, or its decision never counted, or as `replay`; the text
            says what to do.
        ThreadBusy: as `replay`.
    """
    if not (user.has_perm(roles.DECIDE) or user.has_perm(roles.START)):
        raise NotAllowed(
            "Changing a decision is for reviewers and operators; ask an admin for a role."
        )
    asked = Interrupt.objects.select_related("decision").filter(pk=interrupt).first()
    if asked is None:
        raise NotFound(f"There is no interrupt {interrupt}.")
    if not reason.strip():
        told = "Say why the decision is changed: people will read it in the thread's history."
        raise InvalidInput(told, {"reason": told})
    _check_decided(asked)
    row = thread_of(asked.thread_id)
    state = history.checkpoint(thread=row, checkpoint_id=asked.checkpoint_id)
    _check_said(state, next)
    if told := obstacle(state, row.agent, as_node="", writes=False, changes=False):
        raise CannotTravel(told)
    return _queue(
        state, user, trigger=Run.Trigger.REPLAY, from_next=list(state.next), reason=reason,
        revises=asked,
    )  # fmt: skip


def _check_role(user: User) -> None:
    if not user.has_perm(roles.START):
        raise NotAllowed("Replays and forks are for operators; ask an admin for that role.")


def _check_said(state: CheckpointState, said: Sequence[str]) -> None:
    """Refuse what was ordered for a step of other nodes than are next at this checkpoint."""
    if {*said} != {*state.next}:
        raise CannotTravel(
            f"The page said that {_named(said)} would run from this checkpoint, and by now it is "
            f"{_named(state.next)}. Nothing was done: read what will happen, and order it again."
        )


def _named(nodes: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(nodes)) or "nothing"


def _checked(
    thread: Thread,
    update: Mapping[str, Plain] | None,
    as_node: str,
    nodes: Sequence[str],
    *,
    changes: bool,
) -> Arguments | None:
    """The channels that a fork writes, checked; None where it writes nothing.

    Raises:
        InvalidInput: as `fork` says; or the fork would change nothing.
    """
    errors: dict[str, str] = {}
    if not changes:
        errors["update"] = (
            "This fork changes nothing: give values or a node, let it stay, or replay instead."
        )
    if as_node and nodes and as_node not in (*nodes, END):
        errors["as_node"] = f"The agent has no node {as_node!r}; it has {', '.join(nodes)}."
    written = None
    try:
        written = check_update(thread.agent, update)
    except InvalidAnswer as error:
        errors |= error.errors
    if errors:
        told = " ".join(f"{path}: {message}" for path, message in errors.items())
        raise InvalidInput(f"This fork cannot be made. {told}"[:300], errors)
    return written


def _check_decided(asked: Interrupt) -> None:
    """Refuse to change a decision that is not there, or counts no more."""
    decision: Decision | None = getattr(asked, "decision", None)
    if decision is None:
        if asked.status == Interrupt.Status.PENDING:
            raise CannotTravel("Nobody has decided this yet: decide it.")
        ended = asked.get_status_display().lower()
        raise CannotTravel(
            f"There is no decision to change: the question was {ended}. Its page says what became "
            "of it."
        )
    if decision.status in (Decision.Status.REFUSED, Decision.Status.WITHDRAWN):
        raise CannotTravel(
            f"This decision was {decision.get_status_display().lower()} and counts no more. "
            "Its page says what was asked instead: decide that."
        )


@transaction.atomic
def _queue(state: CheckpointState, user: User, *, reason: str, **fields: Any) -> Run:
    """Add the run that goes back to this checkpoint; behind another such run it waits.

    What waits for people in the thread is superseded the moment the run is queued. Context and
    breakpoints are not in LangGraph's store: they are those of the run that made the checkpoint. A
    form that is sent twice is one order.
    """
    threads = Thread.objects.select_for_update(of=("self",)).filter(deleted_at=None)
    thread = threads.filter(pk=state.row.thread_id).first()
    if thread is None:
        raise NotFound(f"There is no thread {state.row.thread_id}.")
    said = fields | {"from_checkpoint_id": state.row.checkpoint_id, "from_ns": state.row.ns}
    said |= {"created_by": user, "reason": column_text(reason.strip())}
    if (same := _ordered(thread, said)) is not None:
        return same
    active = active_run(thread)
    if told := busy(active):
        raise ThreadBusy(told)
    if (before := context_of(state)) is not None:
        said |= {
            "context": before.context,
            "interrupt_before": before.interrupt_before,
            "interrupt_after": before.interrupt_after,
            "recursion_limit": before.recursion_limit,
        }
    if active is not None:
        push.changed(f"thread.{thread.pk}")
        return Run.objects.create(thread=thread, status=Run.Status.WAITING, **said)
    run = runs.queue(thread=thread, **said)
    supersession.supersede(thread=thread.pk, by=run)
    return run


def _ordered(thread: Thread, said: dict[str, Any]) -> Run | None:
    """The thread's newest run, if it is this very order, given a moment ago and not ended."""
    last = Run.objects.filter(thread=thread).order_by("-pk").first()
    if last is None or last.status not in (Run.Status.WAITING, *Run.ACTIVE):
        return None
    is_new = timezone.now() - last.created_at < SAME_ORDER
    order = {"update": None, "as_node": "", "stays": False, "revises": None} | said
    update = order.pop("update")  # by its exact form: in Python `1` equals `True`
    is_same = all(getattr(last, name) == value for name, value in order.items())
    return last if is_new and is_same and canonical(last.update) == canonical(update) else None
