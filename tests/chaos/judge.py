"""The judge: compares what the database says with the ledger, and both with the scripts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.models import Checkpoint, Decision, Effect, Interrupt, PendingWrite, Run, Thread
from tests.chaos import ledger, plans
from tests.chaos.ledger import Deed
from tests.chaos.plans import ACT, LAST_WORDS, Call, Plan
from tests.chaos.reviewers import Posted
from tests.chaos.world import World

RULES = (
    "a pause undecided",
    "a decision not applied exactly once",
    "an effect without an approval",
    "an effect with other arguments than approved",
    "an effect twice",
    "an effect that the journal does not have, or has otherwise",
    "a thread stuck",
    "an end that is not the script's",
    "a receipt wrong",
    "a checkpoint acknowledged and missing",
)
(
    UNDECIDED,
    NOT_ONCE,
    UNAPPROVED,
    OTHER_ARGUMENTS,
    TWICE,
    JOURNAL,
    STUCK,
    END,
    RECEIPT,
    MISSING,
) = RULES

ALLOWS = ("approve", "edit")


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule broken: on which thread, and what is to be seen."""

    rule: str
    thread: str
    what: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a decision in force said of one call, or to one question."""

    decision: Decision
    type: str
    args: Mapping[str, Any] | None
    words: str


class Case:
    """One thread, with everything that is known of it."""

    def __init__(self, thread: Thread, deeds: Mapping[str, Sequence[Deed]]) -> None:
        self.thread = thread
        self.deeds = deeds
        self.runs = list(thread.runs.order_by("pk"))
        self.plan: Plan = plans.read(thread.agent.name, self.runs[0].input)
        self.interrupts = list(thread.interrupts.order_by("pk"))
        rows = Decision.objects.select_related("interrupt", "decided_by")
        self.decisions = list(rows.filter(interrupt__thread=thread).order_by("pk"))
        self.effects = list(thread.effects.order_by("pk"))
        self.said: dict[str, list[Said]] = defaultdict(list)
        self.settled: dict[str, list[Said]] = defaultdict(list)
        for decision in self.decisions:
            asked = decision.interrupt
            is_doubt = isinstance(asked.value, dict) and "doubt" in asked.value
            for name, said in _said(decision):
                (self.settled if is_doubt else self.said)[name].append(said)

    def violations(self) -> Iterator[Violation]:
        """Every rule that this thread breaks."""
        for rule, what in (
            *self._pauses(),
            *self._decisions(),
            *self._effects(),
            *self._journal(),
            *self._end(),
        ):
            yield Violation(rule, self.thread.thread_id, what)

    def _pauses(self) -> Iterator[tuple[str, str]]:
        for asked in self.interrupts:
            if asked.status != Interrupt.Status.APPLIED:
                yield UNDECIDED, f"interrupt {asked.pk} ({asked.headline}) is {asked.status}"
        if self.thread.status != Thread.Status.IDLE:
            yield STUCK, f"the thread is {self.thread.status}"
        for run in self.runs:
            if run.status not in (Run.Status.INTERRUPTED, Run.Status.SUCCEEDED):
                yield STUCK, f"run {run.pk} is {run.status}: {run.error} {run.message}"
        if self.runs[-1].status != Run.Status.SUCCEEDED:
            yield STUCK, f"the last run, {self.runs[-1].pk}, is {self.runs[-1].status}"

    def _decisions(self) -> Iterator[tuple[str, str]]:
        for decision in self.decisions:
            if decision.status != Decision.Status.APPLIED:
                yield NOT_ONCE, f"decision {decision.pk} ({decision}) is {decision.status}"
                continue
            delivered, applied = decision.delivered_at, decision.applied_at
            if not (delivered and applied and decision.decided_at <= delivered <= applied):
                yield (
                    RECEIPT,
                    f"decision {decision.pk}: {decision.decided_at}, {delivered}, {applied}",
                )
        for name, said in self.said.items():
            if len(said) > 1:
                told = ", ".join(f"{each.decision.pk} {each.type}" for each in said)
                yield NOT_ONCE, f"{name} was asked and decided {len(said)} times: {told}"

    def _effects(self) -> Iterator[tuple[str, str]]:
        for call in self._calls():
            found = self.deeds.get(call.id, ())
            said = self.said.get(call.id, [])
            if call.tool not in plans.IDEMPOTENT and len(found) > 1:
                yield TWICE, f"{call.tool} {call.id}: {len(found)} effects"
            allowed = [each for each in said if each.type in ALLOWS]
            if call.is_reviewed and found and not allowed:
                yield UNAPPROVED, f"{call.tool} {call.id} ran; said: {[e.type for e in said]}"
            for deed in found:
                if allowed and deed.time < allowed[0].decision.decided_at.timestamp():
                    yield UNAPPROVED, f"{call.tool} {call.id} ran before it was approved"
                if (deed.tool, deed.args) != (call.tool, self._args(call)):
                    yield (
                        OTHER_ARGUMENTS,
                        f"{deed.tool} {call.id} ran with {deed.args}, not {self._args(call)}",
                    )
            is_due = not call.is_reviewed or allowed
            if is_due and not found and self.thread.status == Thread.Status.IDLE:
                yield NOT_ONCE, f"{call.tool} {call.id} never ran"
        known = {call.id for call in self._calls()}
        for name in self.deeds.keys() - known:
            yield UNAPPROVED, f"{name} is no call of the script"

    def _calls(self) -> Sequence[Call]:
        if self.plan.agent == "panel":
            return (Call(ACT, "jot", self.plan.order, ""),)
        return tuple(self.plan.calls)

    def _args(self, call: Call) -> Mapping[str, Any]:
        """The arguments that the call's effect must have."""
        said = self.said.get(call.id, [])
        if call.tool == "consult":
            return call.args | {"note": said[-1].words if said else None}
        if self.plan.agent == "panel":
            answers = [self._answer(node) for node in ("legal", "brand")]
            return {"order": self.plan.order, "note": " / ".join(answers)}
        edited = [each.args for each in said if each.type == "edit"]
        return edited[-1] if edited and edited[-1] is not None else call.args

    def _answer(self, node: str) -> str:
        said = self.said.get(node, [])
        return said[-1].words if said else ""

    def _journal(self) -> Iterator[tuple[str, str]]:
        ended: dict[str, list[Effect]] = defaultdict(list)
        for effect in self.effects:
            if effect.status in (Effect.Status.FINISHED, Effect.Status.GIVEN):
                ended[effect.call_id].append(effect)
            elif effect.status == Effect.Status.STARTED and self._is_over():
                later = [each for each in self.effects if each.key == effect.key]
                if later[-1].pk == effect.pk:
                    yield JOURNAL, f"effect {effect.pk} ({effect}) is started and never ended"
        for call in self._calls():
            found, kept = self.deeds.get(call.id, ()), ended.get(call.id, [])
            if bool(found) != bool(kept) and self._is_over():
                told = [each.status for each in self.effects if each.call_id == call.id]
                yield JOURNAL, f"{call.id}: {len(found)} effects, the journal has {told}"
            for effect in kept:
                if dict(effect.args) != self._journalled_args(call):
                    yield JOURNAL, f"{call.id}: the journal has the arguments {effect.args}"

    def _journalled_args(self, call: Call) -> Mapping[str, Any]:
        return call.args if call.tool == "consult" else self._args(call)

    def _is_over(self) -> bool:
        return self.thread.status == Thread.Status.IDLE

    def _end(self) -> Iterator[tuple[str, str]]:
        if self.thread.status != Thread.Status.IDLE:
            return
        state: Any = self.thread.snapshot
        if self.plan.agent == "panel":
            wanted = {
                "order": self.plan.order,
                "answers": {node: self._answer(node) for node in ("legal", "brand")},
                "done": ledger.outcome("jot", ACT),
            }
            if state != wanted:
                yield END, f"the state is {state}, not {wanted}"
            return
        messages = [message.payload for message in state["messages"]]
        kinds = [message["type"] for message in messages]
        wanted_kinds = ["human"]
        for turn in self.plan.turns:
            wanted_kinds += ["ai", *["tool"] * len(turn)]
        if kinds != [*wanted_kinds, "ai"] or messages[-1]["content"] != LAST_WORDS:
            yield END, f"the conversation is {kinds}, ending with {messages[-1]['content']!r}"
            return
        results = {each["tool_call_id"]: each for each in messages if each["type"] == "tool"}
        for call in self.plan.calls:
            yield from self._result(call, results.get(call.id))

    def _result(self, call: Call, message: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
        said = self.said.get(call.id, [])
        content = str(message["content"]) if message else ""
        last = said[-1] if said else None
        if last is not None and last.type == "reject":
            is_right = last.words in content
        elif last is not None and last.type == "respond" and call.tool != "consult":
            is_right = content == last.words
        else:
            # LangChain's middleware says before the result of an edited call that it was edited.
            is_right = content.endswith(ledger.outcome(call.tool, call.id))
        if not is_right:
            told = last.type if last else "free"
            yield END, f"{call.tool} {call.id} ({told}) came to {content!r}"


def _said(decision: Decision) -> Iterator[tuple[str, Said]]:
    """What it said, by the call, or by the node where no call was asked about."""
    asked = decision.interrupt
    made: Sequence[Mapping[str, Any]] = decision.actions
    if isinstance(asked.value, dict) and "query" in asked.value:  # `consult` begins with its call
        names = [asked.value["query"].partition(":")[0]]
    else:
        names = list(asked.call_ids) or [asked.node]
    for name, action in zip(names, made, strict=False):
        words = action.get("message") or action.get("answer") or ""
        yield name, Said(decision, action["type"], action.get("args"), str(words))


def judge(world: World, posted: Sequence[Posted]) -> list[Violation]:
    """Every rule broken, thread by thread; also those that people and runners bear witness of."""
    by_thread: dict[str, dict[str, list[Deed]]] = defaultdict(dict)
    for (thread, call), found in ledger.deeds(world.ledger).items():
        by_thread[thread][call] = found
    made: list[Violation] = []
    for row in Thread.objects.select_related("agent").order_by("pk"):
        made += Case(row, by_thread.pop(row.thread_id, {})).violations()
    made += [Violation(UNAPPROVED, unknown, "no such thread") for unknown in by_thread]
    made += _receipts(posted)
    made += _acknowledged(world)
    return made


def _receipts(posted: Sequence[Posted]) -> Iterator[Violation]:
    """What people were told, against what is kept: who was accepted is the one who decided."""
    rows = Decision.objects.select_related("interrupt__thread", "decided_by")
    kept = {row.interrupt_id: row for row in rows}
    for form in posted:
        for asked, actions in form.made.items():
            row = kept.get(asked)
            thread = row.interrupt.thread.thread_id if row else ""
            if form.code not in (302, 409):
                what = f"interrupt {asked}: {form.user} was answered {form.code}: {actions}"
                yield Violation(RECEIPT, thread, what)
            elif row is None:
                what = f"interrupt {asked}: {form.user} was answered {form.code}, nothing is kept"
                yield Violation(RECEIPT, thread, what)
            elif form.code == 302 and row.decided_by.username != form.user:
                what = f"interrupt {asked}: {form.user} was accepted, {row.decided_by} is kept"
                yield Violation(RECEIPT, thread, what)
            elif form.code == 302 and [a["type"] for a in row.actions] != [k for k, _ in actions]:
                what = f"interrupt {asked}: {form.user} said {actions}, kept is {row.actions}"
                yield Violation(RECEIPT, thread, what)


def _acknowledged(world: World) -> Iterator[Violation]:
    """What runners were told is stored, against what is stored."""
    checkpoints = set(Checkpoint.objects.values_list("thread__thread_id", "ns", "checkpoint_id"))
    writes = set(
        PendingWrite.objects.values_list("thread__thread_id", "ns", "checkpoint_id", "task_id")
    )
    for line in ledger.lines(world.acknowledged):
        at = (line["thread"], line["ns"], line["checkpoint"])
        if line["task"] and (*at, line["task"]) not in writes:
            yield Violation(MISSING, line["thread"], f"writes of task {line['task']} at {at[1:]}")
        elif not line["task"] and at not in checkpoints:
            yield Violation(MISSING, line["thread"], f"checkpoint {at[1:]}")
