"""Going back in a thread: replay, fork, copy into a new thread, another decision.

Each is a page of its own that says what will happen, and a POST to the same address that does it.
The POST repeats what the page said (`next`); where that is no longer so, or the thread is not free,
the page comes again, with what is true now and everything that was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from agents import graph_picture, roles
from agents.exceptions import Conflict, Invalid, NotAllowed, ShownDiffers
from agents.forms import ForkForm, TravelForm
from agents.forms.posts import Post, last
from agents.forms.travel_form import writers
from agents.graph_picture import Picture
from agents.history.graph_ways import successors
from agents.models import Decision, Interrupt, Run, Thread
from agents.services import copies, history, travel
from agents.services.foresight import nodes_of, thread_of
from agents.services.history import CheckpointState
from agents.services.travel import Foresight
from agents.views.access import ConsoleRequest, console_page, page
from agents.views.pauses import Pause

Done = TypeVar("Done")


class Refused(Exception):
    """An order that was not carried out: the page comes again, with this status and text."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def checkpoint_replay(request: ConsoleRequest, pk: int, checkpoint_id: str) -> HttpResponse:
    """Run on from a checkpoint as it was; `?ns=` names the graph inside that it is of."""
    _check_role(request)
    ns, form = request.GET.get("ns", ""), TravelForm(_posted(request))

    def order() -> Run:
        return travel.replay(
            thread=pk,
            checkpoint_id=checkpoint_id,
            next=form.said,
            user=request.user,
            ns=ns,
            reason=form.reason,
        )

    refused = None
    if request.method == "POST":
        try:
            return _told(request, _ordered(form, order))
        except Refused as error:
            refused = error
    foresight = travel.foresee(thread=pk, checkpoint_id=checkpoint_id, ns=ns)
    return _panel(
        request, "agents/checkpoint_replay.html", pk, foresight.checkpoint, form, refused,
        foresight=foresight,
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def checkpoint_fork(request: ConsoleRequest, pk: int, checkpoint_id: str) -> HttpResponse:
    """Change the state at a checkpoint, in two steps: a preview, then the fork.

    The button `do=fork` forks; every other POST shows the form again, with the preview of what was
    typed once that can be read. A fork that was changed after its preview is previewed again.
    """
    _check_role(request)
    ns, post = request.GET.get("ns", ""), _posted(request)
    thread = thread_of(pk)
    state = history.checkpoint(thread=thread, checkpoint_id=checkpoint_id, ns=ns)
    form = _fork_form(thread, state, post)
    refused = None
    if last(post, "do") == "fork" and not form.is_unfolding:
        try:
            return _told(request, _ordered(form, lambda: _fork(request, state, form)))
        except Refused as error:
            refused = error
    is_preview = post is not None and not form.is_unfolding
    if is_preview and refused is None:
        try:
            form.made()
        except Invalid as error:
            form.refuse(error.errors)
    foresight = travel.foresee(
        thread=pk,
        checkpoint_id=checkpoint_id,
        ns=ns,
        as_node=form.chosen.node,
        writes=form.update is not None,
        stays=form.stays,
    )
    return _panel(
        request, "agents/checkpoint_fork.html", pk, state, form, refused,
        foresight=foresight, is_preview=is_preview and not form.errors,
        passed_over=_passed_over(form.chosen.node, foresight),
        branches=any(way.conditional for way in successors(thread.agent.graph, form.chosen.node)),
    )  # fmt: skip


def _passed_over(as_node: str, foresight: Foresight) -> tuple[str, ...]:
    """The nodes beside the one that is skipped, which do not run either."""
    ahead = foresight.first or (foresight.stop.waiting if foresight.stop else ())
    if not as_node or not ahead:
        return ()
    others = (node for node in foresight.next if node not in (as_node, *ahead))
    return tuple(dict.fromkeys(others)) if as_node in foresight.next else ()


def _fork(request: ConsoleRequest, state: CheckpointState, form: ForkForm) -> Run:
    made = form.made()
    if form.previewed != form.digest:
        raise ShownDiffers("The form was changed after its preview. Read what it means now.")
    return travel.fork(
        thread=state.row.thread_id,
        checkpoint_id=state.row.checkpoint_id,
        next=form.said,
        user=request.user,
        ns=state.row.ns,
        update=made.update,
        as_node=made.as_node,
        stays=made.stays,
        reason=form.reason,
    )


def _fork_form(thread: Thread, state: CheckpointState, post: Post | None) -> ForkForm:
    places = writers(state.next, nodes_of(thread.agent))
    return ForkForm(thread.agent.spec.get("state_schema"), state.values, places, post)


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def checkpoint_copy(request: ConsoleRequest, pk: int, checkpoint_id: str) -> HttpResponse:
    """Begin a new thread with the history up to a checkpoint; the button `do=run` goes on there."""
    _check_role(request)
    form = TravelForm(_posted(request))

    def order() -> Thread:
        return copies.fork_thread(
            thread=pk,
            checkpoint_id=checkpoint_id,
            user=request.user,
            title=form.title,
            reason=form.reason,
        )

    refused = None
    if request.method == "POST":
        try:
            made = _ordered(form, order)
        except Refused as error:
            refused = error
        else:
            if request.POST.get("do") == "run":
                return redirect("checkpoint-replay", made.pk, made.copied_checkpoint_id)
            return redirect("thread-detail", made.pk)
    state = history.checkpoint(thread=thread_of(pk), checkpoint_id=checkpoint_id)
    return _panel(request, "agents/checkpoint_copy.html", pk, state, form, refused)


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def interrupt_change(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Change a decision: the agent goes back to its pause and asks again; the old branch stays."""
    if not (request.user.has_perm(roles.DECIDE) or request.user.has_perm(roles.START)):
        raise NotAllowed("Changing a decision is for reviewers and operators; ask an admin.")
    pause, form = Pause(pk), TravelForm(_posted(request))
    asked = pause.opened
    void = (Decision.Status.REFUSED, Decision.Status.WITHDRAWN)
    if not Decision.objects.filter(interrupt=asked).exclude(status__in=void).exists():
        return redirect("interrupt-detail", pk)  # which says what there is to decide instead
    foresight = travel.foresee(thread=asked.thread_id, checkpoint_id=asked.checkpoint_id)
    refused = None
    if request.method == "POST":
        try:
            return _told(request, _ordered(form, lambda: _change(request, asked, form)))
        except Refused as error:
            refused = error
    cards = pause.cards(None)
    return _panel(
        request, "agents/interrupt_change.html", asked.thread_id, foresight.checkpoint, form,
        refused,
        foresight=foresight,
        interrupt=asked,
        card=next(card for card in cards if card.interrupt.pk == pk),
    )  # fmt: skip


def _change(request: ConsoleRequest, asked: Interrupt, form: TravelForm) -> Run:
    form.check(reason=True)
    return travel.change_decision(
        interrupt=asked.pk, next=form.said, user=request.user, reason=form.reason
    )


def _check_role(request: ConsoleRequest) -> None:
    if not request.user.has_perm(roles.START):
        raise NotAllowed("Going back in a thread is for operators; ask an admin for that role.")


def _posted(request: ConsoleRequest) -> Post | None:
    return dict(request.POST.lists()) if request.method == "POST" else None


def _ordered(form: TravelForm, order: Callable[[], Done]) -> Done:
    """Carry out an order, or say in the form why not.

    Raises:
        Refused: what was typed cannot be used, or the thread cannot go there now.
    """
    try:
        form.check()
        return order()
    except Invalid as error:
        form.refuse(error.errors)
        raise Refused(error.status, "" if error.errors else str(error)) from error
    except Conflict as error:
        raise Refused(error.status, str(error)) from error


def _told(request: ConsoleRequest, run: Run) -> HttpResponse:
    """Go to the thread; it shows by itself how the run goes, but not what it waits for."""
    if run.status == Run.Status.WAITING:
        messages.info(request, f"Run {run.pk} begins when the run before it has ended.")
    return redirect("thread-detail", run.thread_id)


def _root(state: CheckpointState) -> str:
    """The checkpoint of the agent's own graph in whose step a graph inside was; "" of the root."""
    parents = state.metadata.get("parents") if state.row.ns else None
    found = parents.get("") if isinstance(parents, dict) else None
    return found if isinstance(found, str) else ""


def _picture(thread: Thread, state: CheckpointState) -> Picture | None:
    if state.row.ns:  # the way inside of a graph is not drawn
        return None
    taken = history.nodes_taken(thread=thread, checkpoint_id=state.row.checkpoint_id)
    return graph_picture.draw(thread.agent.spec, waiting=state.next, taken=taken)


def _panel(
    request: ConsoleRequest,
    template: str,
    pk: int,
    state: CheckpointState,
    form: TravelForm,
    refused: Refused | None,
    **shown: Any,
) -> HttpResponse:
    """Draw the page; its address is where it posts to."""
    thread = thread_of(pk)
    return page(
        request,
        template,
        status=refused.status if refused else 200,
        thread=thread,
        state=state,
        form=form,
        conflict=str(refused) if refused else "",
        here=request.get_full_path(),
        picture=_picture(thread, state),
        root=_root(state),
        **shown,
    )
