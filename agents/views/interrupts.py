"""One interrupt: read it, try a decision out, decide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Case, Value, When
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from agents import graph_picture, roles
from agents.exceptions import Conflict, InvalidAnswer, NotAllowed, NotFound
from agents.forms import DecisionForm
from agents.live import Topic
from agents.live.story import tell
from agents.models import Decision, Interrupt
from agents.reviews import Action, Request, raw_json
from agents.reviews.conversation import conversation
from agents.reviews.diff import Diff, diff
from agents.services import checkpoints, decisions, interrupts
from agents.views.access import ConsoleRequest, console_page, page
from agents.views.inbox import inbox_topic
from reviewconsole.protocol.plain import Plain

LATEST = 4  # messages that stand open; the earlier ones are folded


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about one action, to be read."""

    type: str
    word: str
    by: User
    words: str = ""
    changes: Diff | None = None


@require_safe
@console_page
def interrupt_detail(request: ConsoleRequest, pk: int) -> HttpResponse:
    """What the agent wants and why; the form for reviewers, and in its time the receipt."""
    asked = _find(pk)
    return _page(request, asked, DecisionForm(interrupts.request_of(asked), asked.fingerprint))


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def interrupt_draft(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Show a half-made decision again: a panel opened, an item added, the diff. Changes nothing."""
    if request.method != "POST":
        return redirect("interrupt-detail", pk)
    _check_role(request)
    asked = _find(pk)
    form = DecisionForm(interrupts.request_of(asked), asked.fingerprint, _posted(request))
    if asked.status != Interrupt.Status.PENDING:
        return _page(request, asked, form, status=Conflict.status, conflict="It is over by now.")
    if request.htmx:  # type: ignore[attr-defined]  # django-htmx sets it
        shown = {"interrupt": asked, "asked": form.request, "form": form, "single": form.single}
        return render(request, "agents/_ask.html", shown)
    return _page(request, asked, form)


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def interrupt_decide(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Decide. A refusal gives back what was typed: 422 to mend it, 409 when it is too late."""
    if request.method != "POST":
        return redirect("interrupt-detail", pk)
    if "op" in request.POST:  # a button of a field: nothing is meant to be decided yet
        return interrupt_draft(request, pk)
    _check_role(request)
    asked = _find(pk)
    form = DecisionForm(interrupts.request_of(asked), asked.fingerprint, _posted(request))
    shown = request.POST.get("fingerprint", "")
    # What is too late is told as that, even if the form has errors besides.
    in_time = asked.status == Interrupt.Status.PENDING and shown == asked.fingerprint
    try:
        decisions.submit(
            interrupt=pk,
            user=request.user,
            fingerprint=shown,
            decisions=form.decisions() if in_time else (),
        )
    except InvalidAnswer as error:
        form.refuse(error.errors)
        return _page(request, asked, form, status=error.status)
    except Conflict as error:
        return _page(request, _find(pk), form, status=error.status, conflict=str(error))
    return redirect("interrupt-detail", pk)


def _check_role(request: ConsoleRequest) -> None:
    if not request.user.has_perm(roles.DECIDE):
        raise NotAllowed("Deciding is for reviewers; ask an admin for that role.")


def _posted(request: ConsoleRequest) -> Mapping[str, list[str]]:
    return dict(request.POST.lists())


def _find(pk: int) -> Interrupt:
    rows = Interrupt.objects.select_related("thread__agent", "decision__decided_by")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound(f"There is no interrupt {pk}.")
    return found


def _may_decide(request: ConsoleRequest, asked: Interrupt) -> bool:
    return asked.status == Interrupt.Status.PENDING and request.user.has_perm(roles.DECIDE)


def _page(
    request: ConsoleRequest,
    asked: Interrupt,
    form: DecisionForm,
    *,
    status: int = 200,
    conflict: str = "",
) -> HttpResponse:
    deciding = _may_decide(request, asked) and not conflict
    decided = _decided(asked, form.request)
    state = _state(asked)
    story = tell(conversation(state), ())
    return page(
        request,
        "agents/interrupt_detail.html",
        inbox_topic(request, open=asked.pk),
        Topic("interrupt", asked.pk),
        status=status,
        asked=form.request,
        form=form if deciding else None,
        calls=[(call, decided.get(call.position)) for call in form.calls],
        decided=decided.get(0),
        conflict=conflict,
        typed=form.typed() if conflict else [],
        siblings=list(Interrupt.objects.filter(run=asked.run_id)),
        next_pause=_next_pause(asked),
        earlier=story[:-LATEST],
        latest=story[-LATEST:],
        state=state,
        picture=graph_picture.draw(asked.thread.agent.graph, waiting=(asked.node,)),
    )


def _state(asked: Interrupt) -> Plain:
    """The agent's state at the pause: the snapshot, or for an older pause from the store."""
    thread = asked.thread
    if thread.snapshot_checkpoint_id == asked.checkpoint_id:
        snapshot: Plain = thread.snapshot
        return snapshot
    state: dict[Any, Plain] = {**checkpoints.state(thread, asked.checkpoint_id)}
    return state


def _next_pause(asked: Interrupt) -> Interrupt | None:
    """What to decide next: on the same thread, else what waits longest. One query."""
    elsewhere = Case(When(thread=asked.thread_id, then=Value(0)), default=Value(1))
    others = Interrupt.objects.pending().exclude(pk=asked.pk)
    return others.order_by(elsewhere, "pk").first()


def _decided(asked: Interrupt, request: Request) -> dict[int, Decided]:
    """What was decided about each action, by its position; empty while nothing was."""
    decision: Decision | None = getattr(asked, "decision", None)
    if decision is None:
        return {}
    pairs = enumerate(zip(request.actions, decision.actions, strict=False))
    return {at: _read_decided(action, said, decision.decided_by) for at, (action, said) in pairs}


_WORDS = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "answered"}


def _read_decided(action: Action, said: dict[str, Any], by: User) -> Decided:
    words = said.get("message", "")
    if "answer" in said:
        answer = said["answer"]
        words = answer if isinstance(answer, str) else raw_json.dump(answer)
    changes = diff(dict(action.args), said["args"]) if "args" in said else None
    return Decided(said["type"], _WORDS.get(said["type"], said["type"]), by, words, changes)
