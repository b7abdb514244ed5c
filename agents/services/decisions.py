"""Decisions: recorded once, for what was shown, then delivered and applied.

recorded ──▶ delivered ──▶ applied
    ├────────────┴───────▶ refused    (the live pause was another one: see `interrupts.open_pause`)
    └────────────┴─────┴─▶ withdrawn  (asked again: see `failures`, `supersession`; or dismissed)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from agents import instruments, push, reviews, roles
from agents.exceptions import InvalidAnswer, NotAllowed, NotFound, ShownDiffers
from agents.models import Decision, Interrupt, Run
from agents.prepared import Each, Given, Prepared, PreparedInsert, PreparedUpdate, together
from agents.reviews.paths import join
from agents.reviews.request import Arguments
from agents.services import (
    call_verdicts,
    drafts,
    effects,
    interrupts,
    run_ends,
    runs,
    supersession,
)
from agents.services.column_text import column_text
from agents.services.deliveries import apply, deliver
from agents.services.lateness import too_late
from agents.services.moved_questions import as_stored
from agents.services.submissions import Checked, Submission, check, check_update
from reviewconsole.protocol.moving import path_of
from reviewconsole.protocol.plain import Plain
from reviewconsole.protocol.values import Moving

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet

__all__ = ("Submission", "apply", "deliver", "dismiss", "submit", "submit_all")

_SUMMARY = 300  # characters


def submit(
    *,
    interrupt: int,
    user: User,
    fingerprint: str,
    decisions: Sequence[reviews.ActionDecision],
    update: Mapping[str, Plain] | None = None,
    moving: tuple[Moving, ...] = (),
    raw: bool = False,
) -> Decision:
    """Record what a reviewer decided about one question: `submit_all` with one submission.

    Raises:
        As `submit_all`; the paths of `InvalidAnswer.errors` begin with `actions.`, `moving` or
        `state.`.
    """
    submission = Submission(interrupt, fingerprint, decisions, moving, raw)
    (decision,) = _submit((submission,), user, update, "")
    return decision


def submit_all(
    *,
    user: User,
    submissions: Sequence[Submission],
    update: Mapping[str, Plain] | None = None,
    read: Iterable[Interrupt] = (),
) -> list[Decision]:
    """Record what a reviewer decided about questions of one pause: all of it, or nothing.

    The last decision of a pause queues the run that resumes it. `update` are channels of the
    agent's state to write before it goes on. `read` are rows of these questions that the caller has
    just read, with run and agent: they are not read again. All checks come before the first write.
    Queries: about 12, and 2 a submission.

    Raises:
        NotAllowed: the person may not decide.
        NotFound: there is no such interrupt.
        AlreadyDecided: another decision stands; the text says whose and what.
        PauseMoved: the pause is no longer the current one.
        ShownDiffers: the page showed something else.
        InvalidAnswer: a request does not allow this answer; `errors` by paths that begin with
            `questions.<position>.` or `state.<channel>`.
    """
    return _submit(tuple(submissions), user, update, "questions", read)


def _submit(
    submissions: tuple[Submission, ...],
    user: User,
    update: Mapping[str, Plain] | None,
    prefix: str,
    read: Iterable[Interrupt] = (),
) -> list[Decision]:
    _check_role(user)
    asked = _open({each.interrupt: each.fingerprint for each in submissions}, read)
    if len(asked) != len(submissions) or len({question.run_id for question in asked}) != 1:
        raise InvalidAnswer("A form decides different questions of one pause; this one does not.")
    checked: list[Checked] = []
    errors: dict[str, str] = {}
    for question, submission in zip(asked, submissions, strict=True):
        try:
            checked.append(check(question, submission))
        except InvalidAnswer as error:
            errors |= _beneath(prefix, question, error.errors)
    try:
        written = frozenset[str]().union(*(made.writes for made in checked))
        channels = check_update(asked[0].thread.agent, update, written)
    except InvalidAnswer as error:
        errors |= error.errors
    if errors:
        told = " ".join(f"{path}: {message}" for path, message in errors.items())
        raise InvalidAnswer(f"This answer cannot be sent. {told}"[:_SUMMARY], errors)
    decisions = _record(checked, user, channels)
    for submission in submissions:
        for made in submission.decisions:
            instruments.DECISIONS.labels(made.type).inc()
    return decisions


def _beneath(prefix: str, asked: Interrupt, errors: Mapping[str, str]) -> dict[str, str]:
    if not prefix:
        return dict(errors)
    at = join(prefix, asked.position)
    return {f"{at}.{path}" if path else at: message for path, message in errors.items()}


@transaction.atomic
def _record(checked: Sequence[Checked], user: User, update: Arguments | None) -> list[Decision]:
    paused, questions = _close([made.asked for made in checked])
    _check_channels_are_free(paused, update)
    decisions = []
    for made in checked:
        decision = Decision(
            interrupt=made.asked,
            decided_by=user,
            fingerprint=made.asked.fingerprint,
            actions=made.actions,
            resume=made.answer.resume,
            then=made.answer.then,
            update=update,
            moving=as_stored(made.moving),
            summary=column_text(_summary(made, update), _SUMMARY),
        )
        decisions.append(decision)
        update = None  # written once: it belongs to the pause, not to a question
    _INSERT(*decisions)
    both = zip(decisions, checked, strict=True)
    call_verdicts.record(*((decision, made.request, made.decisions) for decision, made in both))
    for decision in decisions:
        effects.settle(decision)
    drafts.forget(run=paused.pk, user=user, decided=[made.asked.position for made in checked])
    return _recorded(paused, questions, user, decisions)


_INSERT = PreparedInsert(Decision)


def _recorded(
    paused: Run, questions: Sequence[tuple[int, str]], user: User, decisions: list[Decision]
) -> list[Decision]:
    """Resume the pause if none of its questions is open any more, and tell what was decided."""
    if all(status != Interrupt.Status.PENDING for _, status in questions):
        run = runs.go_on(after=paused, trigger=Run.Trigger.RESUME, resumes=paused, user=user)
        _CARRY(paused=paused.pk, by=run.pk)
        for decision in decisions:
            decision.run = run
    topics = [f"interrupt.{pk}" for pk, _ in questions]
    push.changed("inbox", f"thread.{paused.thread_id}", *topics)
    return decisions


def _not_sent() -> QuerySet[Decision]:
    return Decision.objects.filter(
        interrupt__run=Given("paused", int), status=Decision.Status.RECORDED, run=None
    )


_CARRY = PreparedUpdate(_not_sent, run=Given("by", int))


def dismiss(*, interrupt: int, user: User, fingerprint: str, reason: str) -> list[Decision]:
    """Finish the thread where it stands: nothing of what waits will run.

    Every open question of the pause is decided with it. Decisions of the pause that were not sent
    yet are withdrawn. Returns the decisions it made, one a question.

    Raises:
        NotAllowed, NotFound, AlreadyDecided, PauseMoved, ShownDiffers: as `submit_all`.
        InvalidAnswer: no reason is given; `errors` by `reason`.
    """
    _check_role(user)
    (asked,) = _open({interrupt: fingerprint})
    if not reason.strip():
        told = "Say why the thread is finished: people will read it in its history."
        raise InvalidAnswer(told, {"reason": told})
    decisions = _dismiss(asked, user, reason)
    instruments.DECISIONS.labels(Decision.Then.FINISH).inc(len(decisions))
    return decisions


@transaction.atomic
def _dismiss(asked: Interrupt, user: User, reason: str) -> list[Decision]:
    paused, _ = _close([asked])
    supersession.withdraw(
        Decision.objects.filter(interrupt__run=paused, status=Decision.Status.RECORDED)
    )
    others = Interrupt.objects.pending().filter(run=paused).select_related("thread__agent")
    questions = sorted([asked, *others], key=lambda question: question.position)
    others.update(status=Interrupt.Status.ANSWERED, closed_at=timezone.now())
    decisions = []
    for question in questions:
        decision = Decision.objects.create(
            interrupt=question,
            decided_by=user,
            fingerprint=question.fingerprint,
            actions=[{"type": "dismiss", "message": reason}] * question.actions,
            then=Decision.Then.FINISH,
            summary=column_text(f"dismissed the thread: {reason}", _SUMMARY),
        )
        call_verdicts.reject_all(decision, interrupts.request_of(question, learned=False))
        decisions.append(decision)
    call_verdicts.reject_withdrawn(decisions[0])
    drafts.drop(run=paused.pk, user=user)
    return _recorded(paused, _QUESTIONS(run=paused.pk), user, decisions)


def _check_role(user: User) -> None:
    if not user.has_perm(roles.DECIDE):
        raise NotAllowed("Deciding is for reviewers; ask an admin for that role.")


def _open(shown: Mapping[int, str], read: Iterable[Interrupt] = ()) -> list[Interrupt]:
    """These interrupts, each open and as the form showed it (fingerprint by primary key)."""
    rows = {row.pk: row for row in read}
    if missing := [pk for pk in shown if pk not in rows]:
        rows |= {row.pk: row for row in _ASKED(interrupts=missing)}
    for pk in shown:
        if pk not in rows:
            raise NotFound(f"There is no interrupt {pk}.")
    asked = [rows[pk] for pk in shown]
    for row in asked:
        if row.status != Interrupt.Status.PENDING:
            too_late(row.pk)
    for row in asked:
        if row.fingerprint != shown[row.pk]:
            raise ShownDiffers(
                "This form was made for something else than what the agent asks now. "
                "Nothing was decided: reload the page and read it again."
            )
    return asked


def _asked() -> QuerySet[Interrupt]:
    asked = Interrupt.objects.filter(pk__any=Each("interrupts", int)).order_by()
    related = asked.select_related("thread__agent", "run")
    return related.defer("thread__snapshot", "run__input")


_ASKED = Prepared(_asked)


def _close(asked: Sequence[Interrupt]) -> tuple[Run, list[tuple[int, str]]]:
    """Close open questions of one pause; the run that paused, and how all its questions stand."""
    now = timezone.now()
    closed = (_CLOSE.given(interrupt=each.pk, now=now) for each in asked)
    paused = {"run": asked[0].run_id}
    # Decisions on one pause queue up at the lock: the last of them must see all the others.
    _, found, *won, questions = together(
        run_ends.locking(**paused),
        _PAUSED.given(**paused),
        *closed,
        _QUESTIONS.given(**paused),
    )
    for each, (rows,) in zip(asked, won, strict=True):
        if not rows:
            too_late(each.pk)
    return found[0], questions


def _paused() -> QuerySet[Run]:
    paused = Run.objects.filter(pk=Given("run", int)).order_by().select_related("thread")
    return paused.defer("input", "thread__snapshot", "thread__metadata")


def _questions() -> QuerySet[Interrupt, tuple[int, str]]:
    rows = Interrupt.objects.filter(run=Given("run", int)).order_by("position")
    return rows.values_list("pk", "status")


_PAUSED, _QUESTIONS = Prepared(_paused), Prepared(_questions)
_CLOSE = PreparedUpdate(
    lambda: Interrupt.objects.pending().filter(pk=Given("interrupt", int)),
    status=Interrupt.Status.ANSWERED,
    closed_at=Given("now", datetime),
)


def _check_channels_are_free(paused: Run, update: Arguments | None) -> None:
    """Two reviewers of one pause must not both write a channel: one would undo the other."""
    if update is None:
        return
    others = Decision.objects.filter(interrupt__run=paused, update__isnull=False)
    errors = {
        join("state", channel): f"{other.decided_by.get_username()} writes it already, with: "
        f"{other.summary}"
        for other in others.filter(status=Decision.Status.RECORDED).select_related("decided_by")
        for channel in update
        if channel in other.update
    }
    if errors:
        raise InvalidAnswer("Another decision of this pause writes the same channel.", errors)


def _summary(made: Checked, update: Arguments | None) -> str:
    channels = f"; changed the state: {', '.join(map(str, update))}" if update else ""
    paths = ", ".join(join("", *path_of(part)) or "the order" for part in made.moving)
    return made.answer.summary + (f"; whatever stands at {paths}" if paths else "") + channels
