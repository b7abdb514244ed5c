"""A whole pause as its page shows it: every question, what was decided, and the open form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from agents.exceptions import NotFound
from agents.forms import PauseForm, QuestionForm, StateForm, is_raw
from agents.forms.action_form import ActionForm
from agents.forms.answer_form import AnswerForm
from agents.forms.posts import Post, last
from agents.live.story import Asked, asked_about
from agents.models import Interrupt, Run
from agents.prepared import Given, Prepared, together
from agents.reviews import Action, AnswerShape, DecisionType, Request
from agents.reviews.conversation import ToolCall
from agents.services import checkpoints, interrupts
from agents.views.executions import Ran, calls_in, ran
from agents.views.moved import MovedPart, moved_parts
from reviewconsole.protocol.plain import Plain

if TYPE_CHECKING:
    from django.db.models import QuerySet

_ALONE = (DecisionType.SKIP, DecisionType.WRITE)


@dataclass(frozen=True, slots=True)
class Card:
    """One question as it is drawn: with its form, or with what became of it."""

    form: QuestionForm
    deciding: bool  # it can be decided now, here
    asked: tuple[Asked, ...]  # one for each part of the form
    ran: tuple[Ran | None, ...]  # as well
    moved: tuple[MovedPart, ...] = ()
    learned: AnswerShape | None = None  # the shape the agent took with success last

    @property
    def interrupt(self) -> Interrupt:
        """The question."""
        return self.form.interrupt

    @property
    def request(self) -> Request:
        """What it asks."""
        return self.form.request

    @property
    def is_about_tools(self) -> bool:
        """Whether its parts are calls of tools, as far as that is not guessed."""
        by_id = any(action.call_id for action in self.request.actions)
        is_interrupt = self.interrupt.kind == Interrupt.Kind.INTERRUPT
        return (is_interrupt or by_id) and not self.request.guessed

    @property
    def is_about_node(self) -> bool:
        """Whether it is a node that waits: what it will read is the state."""
        return self.interrupt.kind != Interrupt.Kind.INTERRUPT and not self.is_about_tools

    @property
    def has_moved_arguments(self) -> bool:
        """Whether what a call runs with is part of what moves."""
        return any(part.is_argument for part in self.moved)

    @property
    def parts(self) -> list[tuple[ActionForm | AnswerForm, Asked, Ran | None]]:
        """Its parts: the form, what was decided about it, and what came of it."""
        return list(zip(self.form.parts, self.asked, self.ran, strict=True))

    @property
    def path(self) -> tuple[str, ...]:
        """The nodes that lead to a node inside of others, the outermost first."""
        return tuple(step.partition(":")[0] for step in self.interrupt.ns.split("|") if step)


class Pause:
    """The pause that an interrupt belongs to.

    Two queries, and those of the state when it is asked for and is not the thread's latest, or was
    left out.
    """

    def __init__(self, pk: int, *, with_state: bool = True) -> None:
        """Read it; the thread's latest state is left out where it is likely not asked for.

        Raises:
            NotFound: there is no such interrupt.
        """
        run = (_RUN if with_state else _RUN_ALONE).given(interrupt=pk)
        paused, self.interrupts = together(run, _QUESTIONS.given(interrupt=pk))
        opened = next((interrupt for interrupt in self.interrupts if interrupt.pk == pk), None)
        if opened is None:
            raise NotFound(f"There is no interrupt {pk}.")
        self.opened: Interrupt = opened
        for interrupt in self.interrupts:  # of one run and thread, which are read once
            interrupt.run, interrupt.thread = paused[0], paused[0].thread

    @property
    def pending(self) -> list[Interrupt]:
        """The questions that wait for a person."""
        return [item for item in self.interrupts if item.status == Interrupt.Status.PENDING]

    @cached_property
    def state(self) -> Plain:
        """The agent's state at the pause: the snapshot, or for an older pause from the store."""
        thread = self.opened.thread
        if thread.snapshot_checkpoint_id == self.opened.checkpoint_id:
            snapshot: Plain = thread.snapshot
            return snapshot
        state: dict[Any, Plain] = {**checkpoints.state(thread, self.opened.checkpoint_id)}
        return state

    @cached_property
    def _calls(self) -> Mapping[str, ToolCall]:
        """The calls of the thread as it is now."""
        return calls_in(self.opened.thread.snapshot)

    def form(self, post: Post | None = None, *, with_state: bool = True) -> PauseForm:
        """The form of the open questions, as first shown or as posted.

        To be read only, it does without the fields of a state that nobody changes.
        """
        asked = [(item, self._request(item, post)) for item in self.pending]
        if not with_state:
            return PauseForm(asked, post)
        spec = self.opened.thread.agent.spec
        return PauseForm(asked, post, StateForm(spec.get("state_schema"), self.state, post))

    def late(self, post: Post) -> list[Interrupt]:
        """The questions of a post that are not open as they were shown."""
        late = []
        for interrupt in self.interrupts:
            shown = last(post, f"questions.{interrupt.position}.fingerprint")
            is_open = interrupt.status == Interrupt.Status.PENDING
            if (is_open and shown != interrupt.fingerprint) or (shown and not is_open):
                late.append(interrupt)
        return late or ([] if self.pending else [self.opened])

    def lost(self, form: PauseForm | None, post: Post) -> list[tuple[str, str]]:
        """What was typed for questions that the form has not: label and text."""
        lost = []
        for interrupt in self.interrupts:
            if form is None or form.of(interrupt) is None:
                lost += QuestionForm(interrupt, self._request(interrupt, post), post).typed()
        return lost

    def cards(self, form: PauseForm | None) -> list[Card]:
        """Every question, those of the form to be decided."""
        return [self._card(interrupt, form) for interrupt in self.interrupts]

    def _card(self, interrupt: Interrupt, form: PauseForm | None) -> Card:
        mine = form.of(interrupt) if form else None
        shown = mine or QuestionForm(interrupt, self._request(interrupt, None))
        decision = getattr(interrupt, "decision", None)
        said: list[Mapping[str, Any]] = decision.actions if decision else []
        request = shown.request
        asked = [
            asked_about(interrupt, request, action, decided)
            for action, decided in zip_longest(request.actions, said[: len(request.actions)])
        ]
        ids = zip_longest(request.actions, interrupt.call_ids[: len(request.actions)])
        calls = [self._calls.get(found or action.call_id or "") for action, found in ids]
        learns = mine is not None and len(request.shapes) > 1
        return Card(
            form=shown,
            deciding=mine is not None,
            asked=tuple(asked),
            ran=tuple(map(ran, asked, calls)),
            moved=moved_parts(interrupt) if mine else (),
            learned=interrupts.learned_shape(interrupt) if learns else None,
        )

    def _request(self, interrupt: Interrupt, post: Post | None) -> Request:
        """What a question asks, with what can be decided about it beside the others."""
        request = interrupts.request_of(interrupt, raw=is_raw(post, interrupt))
        together = len(self.interrupts) > 1 or len(interrupt.run.next) > 1
        actions = tuple(_named(action, interrupt, together) for action in request.actions)
        return replace(request, actions=actions)


def _questions() -> QuerySet[Interrupt]:
    of_pause = Interrupt.objects.filter(run__interrupts=Given("interrupt", int))
    related = of_pause.select_related("decision__decided_by", "moved_from")
    return related.order_by("position")


def _run() -> QuerySet[Run]:
    paused = Run.objects.filter(interrupts=Given("interrupt", int)).order_by()
    return paused.select_related("thread__agent").defer("input")


_QUESTIONS = Prepared(_questions)
_RUN = Prepared(_run)
_RUN_ALONE = Prepared(lambda: _run().defer("thread__snapshot"))


def _named(action: Action, interrupt: Interrupt, together: bool) -> Action:
    # A node is skipped or written for alone: LangGraph would forget what its siblings have done.
    if together:
        action = replace(action, allowed=tuple(t for t in action.allowed if t not in _ALONE))
    is_node = interrupt.kind == Interrupt.Kind.NODE_INTERRUPT
    return replace(action, name=interrupt.node) if is_node else action
