"""Lateness: what a reviewer is told whose question is no longer open."""

from __future__ import annotations

from typing import NoReturn

from agents.exceptions import AlreadyDecided, NotFound, PauseMoved
from agents.models import Interrupt, Run


def too_late(interrupt: int) -> NoReturn:
    """Say what became of a question that is no longer open. At most 3 queries.

    Raises:
        NotFound: there is no such interrupt any more.
        AlreadyDecided: another decision stands; the text says whose and what.
        PauseMoved: the pause is no longer the current one.
    """
    related = ("decision__decided_by", "superseded_by__created_by", "thread__deleted_by")
    found = Interrupt.objects.select_related(*related).defer("thread__snapshot")
    asked = found.filter(pk=interrupt).first()
    if asked is None:
        raise NotFound(f"There is no interrupt {interrupt} any more.")
    decision = getattr(asked, "decision", None)
    elsewhere = asked.superseded_by
    went = elsewhere is not None and elsewhere.trigger in Run.TRAVELS
    if elsewhere is not None and went and (decision is None or decision.run_id is None):
        who = elsewhere.created_by.get_username() if elsewhere.created_by else "somebody"
        raise PauseMoved(
            f"This pause is no longer the current one: {who} went back in the thread, see run "
            f"{elsewhere.pk}.",
            interrupt_status=asked.status,
        )
    if decision is not None:
        raise AlreadyDecided(
            f"{decision.decided_by.get_username()} was first: {decision.summary}",
            decision=decision.pk,
        )
    again = Run.objects.filter(resumes=asked.run_id, trigger=Run.Trigger.ASK_AGAIN)
    by = again.select_related("created_by").first()
    told = f"it was {asked.get_status_display().lower()}."
    if by is not None and by.created_by is not None:
        told = f"{by.created_by.get_username()} let the agent ask again."
    if asked.thread.deleted_by is not None:
        told = f"{asked.thread.deleted_by.get_username()} deleted the thread."
    raise PauseMoved(
        f"This pause is no longer the current one: {told}", interrupt_status=asked.status
    )
