"""Graphs that ask, and answers to them: as the executor resumes, and as stock LangGraph does."""

from __future__ import annotations

import operator
from typing import Annotated, Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt, PregelTask
from typing_extensions import TypedDict

from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import Answer
from reviewconsole.runner import stored
from reviewconsole.runner.answers import AnswerBook, Question

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}


def digest(value: Any) -> str:
    return question_digest(stored.to_plain(stored.store(value)))


def answer_to(
    asked: tuple[str, Interrupt], value: Any, *, decision: int, settled: bool = False
) -> Answer:
    """The decision `decision`, bound to this question of this task."""
    task_id, question = asked
    return Answer(
        decision=decision,
        kind="interrupt",
        interrupt_id=question.id,
        task_id=task_id,
        fingerprint="0" * 64,
        digest=digest(question.value),
        value=stored.store(value),
        settled=settled,
    )


def leaves(tasks: tuple[PregelTask, ...]) -> list[tuple[str, Interrupt]]:
    """The waiting questions with the ids of their tasks, innermost tasks first hand."""
    found: list[tuple[str, Interrupt]] = []
    for task in tasks:
        inner = leaves(getattr(task.state, "tasks", ()))
        found += inner or [(task.id, question) for question in task.interrupts]
    return found


async def waiting(graph: Any, config: Any = CONFIG) -> list[tuple[str, Interrupt]]:
    """What the thread waits for."""
    return leaves((await graph.aget_state(config, subgraphs=True)).tasks)


async def values_asked(graph: Any, config: Any = CONFIG) -> list[Any]:
    return [question.value for _, question in await waiting(graph, config)]


async def resume(graph: Any, *answers: Answer, config: Any = CONFIG) -> AnswerBook:
    """Go on as the executor does: the answers are in the book alone."""
    pending = [
        Question(task_id, question.id, digest(question.value))
        for task_id, question in await waiting(graph, config)
    ]
    book = AnswerBook(answers, pending)
    with book.open():
        await graph.ainvoke(None, config, durability="sync")
    return book


def resume_sync(graph: Any, *answers: Answer, config: Any = CONFIG) -> AnswerBook:
    book = AnswerBook(answers)
    with book.open():
        graph.invoke(None, config, durability="sync")
    return book


async def resume_stock(graph: Any, asked: tuple[str, Interrupt], value: Any) -> None:
    """Go on as LangGraph itself does, by id."""
    await graph.ainvoke(Command(resume={asked[1].id: value}), CONFIG)


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]


def one_node(node: Any, **options: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node, **options)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile(checkpointer=InMemorySaver())


async def outcome(graph: Any) -> Any:
    return (await graph.aget_state(CONFIG)).values.get("out")


def two_payments(ask: Any) -> Any:
    def pay(state: State) -> State:
        return {"out": [ask("pay 1?"), ask("pay 1000000?")]}

    return one_node(pay)


async def results(graph: Any) -> list[Any]:
    state = await graph.aget_state(CONFIG)
    return [m.content for m in state.values["messages"] if isinstance(m, ToolMessage)]
