"""Forks into new threads: the history up to a checkpoint, in a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from agents import push, roles
from agents.exceptions import NotAllowed, NotFound
from agents.models import Checkpoint, Thread
from agents.services import checkpoints, thread_words
from agents.services.column_text import column_text
from agents.services.copied_rows import copy_rows
from agents.services.travel import SAME_ORDER

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@transaction.atomic
def fork_thread(
    *, thread: int, checkpoint_id: str, user: User, title: str = "", reason: str = ""
) -> Thread:
    """Make a thread whose history is another one's up to a checkpoint of its root.

    It stays there until somebody goes on from it; the source is as it was. Questions that wait at
    the checkpoint are not copied: going on asks them anew.

    A form that is sent twice is one order: it gives the copy that it made a moment ago.

    Raises:
        NotAllowed: the person may not start runs.
        NotFound: there is no such thread or checkpoint.
    """
    if not user.has_perm(roles.START):
        raise NotAllowed("Copying threads is for operators; ask an admin for that role.")
    source = Thread.objects.select_for_update(of=("self",)).select_related("agent")
    found = source.defer("snapshot", "agent__spec").filter(pk=thread).first()
    at = Checkpoint.objects.filter(thread=thread, ns="", checkpoint_id=checkpoint_id)
    if found is None or not at.exists():
        raise NotFound("There is no such checkpoint.")
    order = {
        "copied_from": found,
        "copied_checkpoint_id": checkpoint_id,
        "copied_because": column_text(reason),
        "title": column_text(title or f"Fork of {found}", 200),
        "created_by": user,
    }
    new = Thread.objects.filter(**order, created_at__gt=timezone.now() - SAME_ORDER)
    if (same := new.order_by("-pk").first()) is not None:
        return same
    copy = Thread.objects.create(agent=found.agent, metadata=found.metadata, **order)
    copy_rows(source=found, target=copy, checkpoint_id=checkpoint_id)
    copy.snapshot = checkpoints.state(copy, checkpoint_id)
    copy.snapshot_checkpoint_id = checkpoint_id
    copy.save(update_fields=("snapshot", "snapshot_checkpoint_id"))
    thread_words.index(thread=copy.pk)
    push.changed(f"thread.{found.pk}", f"agent.{found.agent_id}")
    return copy
