"""The graph of an agent with where a thread stands in it."""

from __future__ import annotations

from collections.abc import Iterable

from agents import graph_picture
from agents.graph_picture import Picture
from agents.models import Agent, Interrupt, Run, Thread
from agents.services import history

_MOST_PENDING = 100  # questions of an agent that are looked at


def of_thread(thread: Thread, head: str, waiting: Iterable[Interrupt]) -> Picture | None:
    """The graph of a thread's agent: what waits, and the way that led to the head.

    None where the graph cannot be drawn. `head` is "" before the first checkpoint, `waiting` are
    the pending questions. Queries: those of `history.nodes_taken`.
    """
    taken = history.nodes_taken(thread=thread, checkpoint_id=head) if head else ()
    return graph_picture.draw(thread.agent.spec, waiting=_nodes(waiting), taken=taken)


def of_agent(agent: Agent) -> Picture | None:
    """The graph of an agent, and what waits in it now, on whatever thread. One query."""
    pending = Interrupt.objects.pending().filter(thread__agent=agent).order_by("-pk")
    newest = pending.only("kind", "ns", "node", "value")[:_MOST_PENDING]
    return graph_picture.draw(agent.spec, waiting=_nodes(newest))


def of_pause(run: Run, asked: Iterable[Interrupt]) -> Picture | None:
    """The graph of a paused run with its breakpoints, and what these questions of it wait in."""
    return graph_picture.draw(
        run.thread.agent.spec,
        waiting=_nodes(asked),
        before=run.interrupt_before,
        after=run.interrupt_after,
    )


def _nodes(asked: Iterable[Interrupt]) -> set[str]:
    """The names that the nodes may have in the drawing.

    A graph that a node calls by itself is not drawn: then it is that node which waits.
    """
    found: set[str] = set()
    for question in asked:
        way = [part.partition(":")[0] for part in question.ns.split("|") if part]
        found.update(":".join([*way, node]) for node in _stopped(question))
        found.update(":".join(way[:depth]) for depth in range(1, len(way) + 1))
    return found


def _stopped(question: Interrupt) -> list[str]:
    """The nodes that a question stops: at a breakpoint these may be several."""
    match question.value:
        case {"nodes": [*nodes]} if question.kind == Interrupt.Kind.BREAKPOINT:
            return [node for node in nodes if isinstance(node, str)]
    return [question.node]
