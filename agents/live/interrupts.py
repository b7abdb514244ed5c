"""One interrupt: what became of it, and how far its decision has come."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from agents import roles
from agents.exceptions import NotFound
from agents.live.journeys import asked_after, elsewhere, revision
from agents.live.receipts import asked_again, receipt
from agents.live.topic import Topic, Viewer
from agents.models import Interrupt
from agents.prepared import Given, Prepared
from agents.services import effects


def interrupt(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """One interrupt and its receipt; `again` is the failed run the viewer may let ask again.

    `may_change` says whether the viewer may let the agent ask a decided question again. Neither is
    offered where the thread was deleted.

    `came` is the call that it is about, where its end was told after the question was asked.
    `elsewhere` is the replay or fork that closed it, `revision` the one that asks it again,
    `asked_after` the run that came to nothing before it was asked once more. At most fifteen
    queries; three for one that waits, four where its call may have run.

    Raises:
        NotFound: there is no such interrupt.
    """
    found = next(iter(_NAMED(pk=topic.pk)), None)
    if found is None:
        raise NotFound(f"There is no interrupt {topic.pk}.")
    told = receipt(found)
    carrier = found.run if told is None or told.run is None else told.run
    may = found.thread.deleted_at is None and _may_ask_again(viewer)
    return {
        "interrupt": found,
        "receipt": told,
        "asked_again": asked_again(found),
        "elsewhere": elsewhere(found),
        "revision": revision(found) if told else None,
        "asked_after": asked_after(found),
        "came": effects.told_since(found) if found.status == Interrupt.Status.PENDING else None,
        "again": carrier if may and carrier.can_be_asked_again() else None,
        "may_change": may,
    }


def _named() -> QuerySet[Interrupt]:
    rows = Interrupt.objects.select_related(
        "thread__agent",
        "run__cancel_requested_by",
        "run__created_by",
        "decision__decided_by",
        "decision__run__cancel_requested_by",
        "superseded_by__created_by",
    )
    return rows.filter(pk=Given("pk", int)).defer(*_UNREAD)


_UNREAD = (  # as large as an agent makes them
    "response_schema", "thread__snapshot", "thread__metadata", "thread__agent__spec",
    "run__input", "run__context", "run__update", "run__traceback",
    "decision__actions", "decision__resume",
    "decision__run__input", "decision__run__context", "decision__run__update",
    "decision__run__traceback",
    "superseded_by__input", "superseded_by__context", "superseded_by__update",
    "superseded_by__traceback",
)  # fmt: skip
_NAMED = Prepared(_named)


def _may_ask_again(viewer: Viewer) -> bool:
    return viewer.may(roles.DECIDE) or viewer.may(roles.START)
