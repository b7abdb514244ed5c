"""One checkpoint: what changed, what is next, and everything that is stored of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from agents import graph_picture, roles
from agents.exceptions import NotFound
from agents.graph_picture import Picture
from agents.live.story import Asked, asked_about
from agents.live.threads import read
from agents.models import Checkpoint, Interrupt, Thread
from agents.reviews.outline import outline
from agents.services import checkpoints, history
from agents.services.history import CheckpointState, Row
from agents.views.access import ConsoleRequest, console_page, page
from reviewconsole.protocol import tagged
from reviewconsole.protocol.plain import Plain

CHILDREN = 20  # named on a page


@dataclass(frozen=True, slots=True)
class Around:
    """What there is around a checkpoint, in its namespace."""

    newer: str | None  # the next one that was saved, on any branch
    older: str | None
    children: Sequence[Checkpoint]
    head: str | None  # of the root


@require_safe
@console_page
def checkpoint_detail(request: ConsoleRequest, pk: int, checkpoint_id: str) -> HttpResponse:
    """One checkpoint; `?ns=` of a graph inside, `?internal=1` with what LangGraph keeps for itself.

    `?against=` compares it with another checkpoint than its parent.
    """
    thread, ns = _thread(pk), request.GET.get("ns", "")
    state = history.checkpoint(thread=thread, checkpoint_id=checkpoint_id, ns=ns)
    row = _row(thread, state)
    against = request.GET.get("against", "")
    before = _before(thread, state, against)
    metadata: dict[Any, Plain] = {**state.metadata}
    return page(
        request,
        "agents/checkpoint_detail.html",
        thread=thread,
        state=state,
        row=row,
        before=before,
        changes=history.changes(before, state) if before or not state.parent_id else None,
        is_against=bool(against),
        around=_around(thread, state),
        root=_root(state),
        asked=[asked for item in row.interrupts for asked in _asked(thread, item)] if row else [],
        picture=_picture(thread, state),
        metadata=outline(metadata),
        shows_internal=request.GET.get("internal") == "1",
        may_start=request.user.has_perm(roles.START),
    )


@require_safe
@console_page
def checkpoint_raw(request: ConsoleRequest, pk: int, checkpoint_id: str) -> HttpResponse:
    """Everything that is stored of a checkpoint as tagged JSON, to keep; `?ns=` as on its page."""
    ns = request.GET.get("ns", "")
    stored: Plain = history.raw(thread=_thread(pk), checkpoint_id=checkpoint_id, ns=ns)
    name = "".join(char for char in checkpoint_id if char.isalnum() or char == "-")
    return HttpResponse(
        json.dumps(tagged.tag(stored), indent=2),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="checkpoint-{name}.json"'},
    )


def _thread(pk: int) -> Thread:
    thread = Thread.objects.select_related("agent").filter(pk=pk).first()
    if thread is None:
        raise NotFound("There is no such thread.")
    return thread


def _row(thread: Thread, state: CheckpointState) -> Row | None:
    """The checkpoint's row in the tree: what was asked there, and what graphs inside did."""
    if state.row.ns:
        return None
    return history.tree(thread=thread, at=state.row.checkpoint_id, limit=1).rows[0]


def _root(state: CheckpointState) -> str:
    """The root's checkpoint in whose step a graph inside ran: only there can one go back."""
    match state.metadata.get("parents"):
        case {"": str(root)} if state.row.ns:
            return root
    return ""


def _before(thread: Thread, state: CheckpointState, against: str) -> CheckpointState | None:
    """What a checkpoint is compared with; None where it has no parent, or none that is kept.

    Raises:
        NotFound: there is no checkpoint to compare it with as the address asks.
    """
    before, ns = against or state.parent_id, state.row.ns
    if before is None:
        return None
    try:
        return history.checkpoint(thread=thread, checkpoint_id=before, ns=ns)
    except NotFound:
        if against:
            raise
        return None


def _picture(thread: Thread, state: CheckpointState) -> Picture | None:
    """The graph with the way that led to a checkpoint of the root, and what is next there."""
    if state.row.ns:
        return None
    taken = history.nodes_taken(thread=thread, checkpoint_id=state.row.checkpoint_id)
    return graph_picture.draw(thread.agent.spec, waiting=set(state.next), taken=taken)


def _around(thread: Thread, state: CheckpointState) -> Around:
    """The checkpoints around one. Queries: 4 at most."""
    here, ns = state.row.checkpoint_id, state.row.ns
    rows = Checkpoint.objects.filter(thread=thread, ns=ns)
    ids = rows.values_list("checkpoint_id", flat=True)
    later = Q(checkpoint_id__gt=here)
    children = rows.filter(later, parent_id=here).order_by("checkpoint_id")
    return Around(
        newer=ids.filter(later).order_by("checkpoint_id").first(),
        older=ids.filter(checkpoint_id__lt=here).order_by("-checkpoint_id").first(),
        children=list(children.only("checkpoint_id", "metadata", "created_at")[:CHILDREN]),
        head=None if ns else checkpoints.head(thread),
    )


def _asked(thread: Thread, item: Interrupt) -> Iterator[Asked]:
    """What an interrupt asked, and what was decided about it."""
    request, decisions = read(thread, item)
    for position, action in enumerate(request.actions):
        decided = decisions[position] if decisions and position < len(decisions) else None
        yield asked_about(item, request, action, decided)
