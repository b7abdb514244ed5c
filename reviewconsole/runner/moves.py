"""Going on otherwise than with an answer: the state is changed, a node skipped, the thread ended.

Each change is stored once, with the decision it was made for: a run that takes over after a crash
sees by it what is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import NO_WRITES, NULL_TASK_ID
from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver, CheckpointTuple
from langgraph.constants import END
from langgraph.pregel._messages import ensure_message_ids

from reviewconsole.protocol.marks import DECISION, UPDATED
from reviewconsole.protocol.messages import Answer, PostedInterrupt, Whole
from reviewconsole.runner import stored
from reviewconsole.runner.breakpoints import Graph
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.past import Draft
from reviewconsole.runner.pauses import Place

Move = tuple[Place, PostedInterrupt, Answer]

_MARK = "reviewconsole_decisions"


def refusal(root: Graph, answers: Iterable[Answer], moves: Iterable[Move]) -> str | None:
    """Why these decisions cannot be carried out; None if they can. Nothing is read or changed."""
    for answer in answers:
        if answer.update is not None and (reason := unwritable(root, answer.update)):
            return f"the state cannot be changed: {reason}"
    for place, question, answer in moves:
        if len(place.unfinished) > 1:
            others = ", ".join(sorted({*place.unfinished} - {question.node})) or "others"
            return f"{question.node} cannot be passed over: {others} of its step wait as well"
        if place.finished:
            return (
                f"{question.node} cannot be passed over: what {', '.join(place.finished)} made in "
                "its step would be lost"
            )
        if answer.then == "write" and (reason := unwritable(place.graph, answer.value)):
            return f"nothing can be written for {question.node}: {reason}"
        if both := _written_twice(question, answer):
            return (
                f"the state cannot be changed: {', '.join(both)} is written for {question.node} "
                "already"
            )
    return None


async def pass_over(root: Graph, saver: ConsoleSaver, move: Move) -> None:
    """Go on as if the waiting node had run: with the decided values, or without any.

    There is one new checkpoint at the level of the question; at the root it holds what the decision
    changes of the state as well, so that edges go by it.
    """
    place, question, answer = move
    marks: dict[str, Any] = {DECISION: answer.decision}
    values = stored.load(answer.value) if answer.then == "write" else None
    if answer.update is not None and not question.ns:
        values = {**stored.load(answer.update), **(values or {})}
        marks[UPDATED] = True
    draft = Draft.of(saver, place.config["configurable"]["checkpoint_id"], marks)
    if (saved := await draft.aget_tuple(place.config)) is not None:
        draft.use_up(place.graph, place.unfinished, saved)
    graph = root.copy(update={"checkpointer": draft})
    await graph.aupdate_state(place.config, values, as_node=place.unfinished[0])
    await draft.store()


async def finish(root: Graph, config: RunnableConfig, *, decision: int) -> None:
    """End the thread where it stands; what is finished of its open step is kept. Idempotent."""
    while (await root.aget_state(config)).tasks:
        # What has finished calls for its successors, which are cleared in their turn.
        await root.aupdate_state(config | {"metadata": {DECISION: decision}}, None, as_node=END)


async def update(
    root: Graph,
    saver: BaseCheckpointSaver[Any],
    config: RunnableConfig,
    answers: Sequence[Answer],
    *,
    base: str | None,
) -> bool:
    """Change the state as the answers say, beside the open step: its tasks and ids stay.

    Written as LangGraph writes `Command(update=…)`, with a mark. Does nothing for decisions that
    are marked, and at a head that is neither `base` nor made for one of them: the thread has gone
    on with them. Returns whether any of them changes the state. Reads: one, where any does.
    """
    changes = {each.decision: each.update for each in answers if each.update is not None}
    saved = await saver.aget_tuple(config) if changes else None
    if saved is None:
        return False
    head, metadata = saved.config["configurable"]["checkpoint_id"], saved.metadata
    made_for = metadata.get(DECISION)
    if head != base and made_for not in {answer.decision for answer in answers}:
        return True
    done = _marked(saved) | ({made_for} if UPDATED in metadata else set())
    due = [decision for decision in changes if decision not in done]
    if due:
        writes = [item for decision in due for item in stored.load(changes[decision]).items()]
        await _write_beside(root, saver, saved, writes, due)
    return True


async def _write_beside(
    root: Graph,
    saver: BaseCheckpointSaver[Any],
    saved: CheckpointTuple,
    writes: list[tuple[str, Any]],
    decisions: list[int],
) -> None:
    """Store writes beside the open step, after those that are there, marked with their decisions.

    LangGraph applies them before the step, and passes over the mark.
    """
    writes = [*writes, (NO_WRITES, {_MARK: decisions})]
    ensure_message_ids(root.channels, writes)
    await saver.aput_writes(saved.config, [*_beside(saved), *writes], NULL_TASK_ID)


def _beside(saved: CheckpointTuple) -> list[tuple[str, Any]]:
    return [
        (channel, value)
        for task, channel, value in saved.pending_writes or []
        if task == NULL_TASK_ID and channel not in WRITES_IDX_MAP
    ]


def _marked(saved: CheckpointTuple) -> set[Any]:
    """The decisions whose changes are written beside the open step, or by the node in it."""
    marks = [value for channel, value in _beside(saved) if channel == NO_WRITES]
    return {each for mark in marks if isinstance(mark, dict) for each in mark.get(_MARK, ())}


def _written_twice(question: PostedInterrupt, answer: Answer) -> list[str]:
    """The channels that a decision both writes as the node and changes in the agent's state."""
    if question.ns or answer.then != "write" or answer.update is None:
        return []  # a graph inside has channels of its own
    return sorted(stored.load(answer.value).keys() & stored.load(answer.update).keys())


def unwritable(graph: Graph, values: Whole) -> str | None:
    """Why these values cannot be written into the channels of a graph; None if they can."""
    loaded = stored.load(values)
    if not isinstance(loaded, dict):
        return f"channels and their values are expected, not {type(loaded).__name__}"
    known = {name for name in graph.channels if not name.startswith(("__", "branch:"))}
    if unknown := sorted(str(name) for name in loaded if name not in known):
        return f"it has no {', '.join(unknown)}; its channels are {', '.join(sorted(known))}"
    return None
