"""One pause: read it, try a decision out, decide it, or finish the thread instead."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from agents import precedence, roles
from agents.exceptions import AlreadyDecided, Conflict, Invalid, InvalidAnswer, NotAllowed
from agents.forms import PauseForm
from agents.forms.posts import Post, last
from agents.live import Topic, graphs
from agents.live.receipts import next_pause
from agents.live.story import tell
from agents.models import Decision, Draft, Interrupt
from agents.reviews import state_edit
from agents.reviews.conversation import conversation
from agents.services import decisions, drafts
from agents.services.decisions import Submission
from agents.views.access import ConsoleRequest, console_page, page
from agents.views.inbox import inbox_topic
from agents.views.pauses import Pause
from reviewconsole.protocol.plain import Plain

LATEST = 4  # messages that stand open; the earlier ones are folded


@require_safe
@console_page
def interrupt_detail(request: ConsoleRequest, pk: int) -> HttpResponse:
    """What the agent wants and why; for reviewers the form, with their draft; then the receipt."""
    pause = Pause(pk)
    if not pause.pending or not request.user.has_perm(roles.DECIDE):
        return _page(request, pause, None)
    return _page(request, pause, pause.form(_draft(request, pause)))


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def interrupt_draft(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Keep a half-made decision, and show it again: a panel opened, an item added, the diff.

    `?keep` shows nothing; the button `op=afresh` forgets the draft. Nothing is decided here.
    """
    if request.method != "POST":
        return redirect("interrupt-detail", pk)
    _check_role(request)
    pause, post = Pause(pk), _posted(request)
    if not pause.pending:
        return _page(
            request, pause, None, status=Conflict.status, conflict="It is over by now.", post=post
        )
    if last(post, "op") == "afresh":
        drafts.drop(run=pause.opened.run_id, user=request.user)
        return redirect("interrupt-detail", pk)
    too_long = ""
    try:
        drafts.keep(run=pause.opened.run_id, user=request.user, post=post)
    except Invalid as error:
        too_long = str(error)
    if "keep" in request.GET:
        return HttpResponse(too_long, status=422 if too_long else 204)
    form = pause.form(post)
    if request.htmx:  # type: ignore[attr-defined]  # django-htmx sets it
        if pause.late(post):
            return HttpResponse(status=204)  # a part of the page is over; its socket tells it so
        return render(request, "agents/_ask.html", _form_context(pause, form))
    return _page(request, pause, form)


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def interrupt_decide(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Decide. A refusal gives back what was typed: 422 to mend it, 409 when it is too late.

    A decision that is taken leads to its receipt. A script is told where that is: it has not left
    the page. To any other answer it has the browser send the form again, for the page that says so.
    """
    if request.method != "POST":
        return redirect("interrupt-detail", pk)
    if "op" in request.POST:  # a button of a field: nothing is meant to be decided yet
        return interrupt_draft(request, pk)
    _check_role(request)
    post = _posted(request)
    changes_state = any(name.startswith(f"{state_edit.PREFIX}.") for name in post)
    pause = Pause(pk, with_state=changes_state)
    try:
        # What is too late is told as that, even if the form has errors besides.
        if late := pause.late(post):
            decisions.submit_all(
                user=request.user, submissions=[_as_shown(q, post) for q in late], read=late
            )
        made = pause.form(post, with_state=changes_state).made()
        decisions.submit_all(
            user=request.user, submissions=made.submissions, update=made.update, read=pause.pending
        )
    except InvalidAnswer as error:
        form = pause.form(post)
        form.refuse(error.errors)
        return _page(request, pause, form, status=error.status)
    except Conflict as error:
        return _too_late(request, pk, post, error)
    precedence.runners.expect_agent()  # the page that follows is not drawn beside its claim
    return _receipt(request, pk)


def _receipt(request: ConsoleRequest, pk: int) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]  # as above
        return HttpResponse(
            status=204, headers={"HX-Redirect": reverse("interrupt-detail", args=[pk])}
        )
    return redirect("interrupt-detail", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def interrupt_dismiss(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Finish the thread at this pause: nothing of what waits will run."""
    if request.method != "POST":
        return redirect("interrupt-detail", pk)
    _check_role(request)
    reason = last(_posted(request), "reason")
    shown = request.POST.get("fingerprint", "")
    try:
        decisions.dismiss(interrupt=pk, user=request.user, fingerprint=shown, reason=reason)
    except InvalidAnswer as error:
        pause = Pause(pk)
        form = pause.form(_draft(request, pause))
        told = str(error)
        return _page(request, pause, form, status=error.status, reason=reason, refused=told)
    except Conflict as error:
        return _too_late(request, pk, {}, error, reason=reason)
    return redirect("interrupt-detail", pk)


def _check_role(request: ConsoleRequest) -> None:
    if not request.user.has_perm(roles.DECIDE):
        raise NotAllowed("Deciding is for reviewers; ask an admin for that role.")


def _draft(request: ConsoleRequest, pause: Pause) -> Post | None:
    return drafts.of(run=pause.opened.run_id, user=request.user)


def _posted(request: ConsoleRequest) -> Post:
    return dict(request.POST.lists())


def _as_shown(question: Interrupt, post: Post) -> Submission:
    shown = last(post, f"questions.{question.position}.fingerprint")
    return Submission(interrupt=question.pk, fingerprint=shown, decisions=())


def _too_late(
    request: ConsoleRequest, pk: int, post: Post, refusal: Conflict, **shown: Any
) -> HttpResponse:
    """The page as it is now. What is still open as it was shown can still be decided."""
    pause = Pause(pk)
    is_open = pause.pending and not any(item in pause.pending for item in pause.late(post))
    form = pause.form(post) if is_open and post else None
    told = str(refusal)
    if isinstance(refusal, AlreadyDecided):
        # The first answer may have been lost on its way: who decides twice was not refused.
        mine = Decision.objects.filter(pk=refusal.decision, decided_by=request.user).first()
        shown["stands"] = mine.summary if mine else ""
    return _page(request, pause, form, status=refusal.status, conflict=told, post=post, **shown)


def _form_context(pause: Pause, form: PauseForm | None) -> dict[str, Any]:
    cards = pause.cards(form)
    opened = next(card for card in cards if card.interrupt.pk == pause.opened.pk)
    return {
        "interrupt": pause.opened,
        "opened": opened,
        "cards": cards,
        "form": form,
        "single": form.single if form else None,
        "alone": form is not None and len(form.parts) == 1,
    }


def _page(
    request: ConsoleRequest,
    pause: Pause,
    form: PauseForm | None,
    *,
    status: int = 200,
    conflict: str = "",
    post: Post | None = None,
    **shown: Any,
) -> HttpResponse:
    """Draw the page; without a form it is read only, and what was posted can be copied from it."""
    asked = pause.opened
    story = tell(conversation(pause.state), ())
    drafts_kept = Draft.objects.filter(run=asked.run_id, user=request.user)
    return page(
        request,
        "agents/interrupt_detail.html",
        inbox_topic(request, open=asked.pk),
        Topic("interrupt", asked.pk),
        Topic("pause", asked.pk),
        status=status,
        conflict=conflict,
        typed=pause.lost(form, post) if post else [],
        drafted_at=drafts_kept.values_list("updated_at", flat=True).first() if form else None,
        next_pause=None if hasattr(asked, "decision") else next_pause(asked),
        earlier=story[:-LATEST],
        latest=story[-LATEST:],
        state=_besides_messages(pause.state) if story else pause.state,
        picture=graphs.of_pause(asked.run, pause.interrupts),
        **(_form_context(pause, form) | shown),
    )


def _besides_messages(state: Plain) -> Plain:
    """The state without what the conversation tells."""
    if not isinstance(state, dict):
        return state
    return {channel: value for channel, value in state.items() if channel != "messages"}
