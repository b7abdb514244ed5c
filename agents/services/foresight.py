"""Foresight: what a replay or a fork would do, said before it is done. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.exceptions import NotFound
from agents.history import graph_ways
from agents.history.breakpoints import Stop
from agents.history.documents import SENDS, is_internal, sends
from agents.history.graph_ways import Way
from agents.history.levels import Levels
from agents.models import Agent, Interrupt, Run, Runner, Thread
from agents.services import asked_calls, history, stops
from agents.services.history import CheckpointState
from agents.services.supersession import awaited
from agents.services.travelled import Travelled, travelled

END = "__end__"
"""The node as which a fork finishes the thread."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What will happen if the thread goes back to a checkpoint in this way."""

    checkpoint: CheckpointState
    next: tuple[str, ...]  # the nodes that are next there: what a form repeats
    first: tuple[str, ...]  # those that run first in this way; () where nothing runs by itself
    stop: Stop | None  # the breakpoint there: it is asked about, and nothing runs before
    may_run: tuple[str, ...]  # after them, as the graph's edges allow
    repeats: tuple[str, ...]  # nodes, then tools by name, that ran after it and may do so again
    superseded: tuple[Interrupt, ...]  # open now: nobody will be able to answer them
    reviewed: tuple[str, ...]  # tools people were asked about: their calls are held again
    asks_again: tuple[Interrupt, ...]  # decided at this checkpoint: asked again, never reused
    loses: tuple[str, ...]  # nodes of this step whose results the new branch will not have
    gone_nodes: tuple[str, ...]  # next there, and no longer in the agent's graph
    gone_channels: tuple[str, ...]  # with a value there, and no longer in the agent's state
    new_channels: tuple[str, ...]  # in the state now, without a value there; where it has changed
    context_of: Run | None  # whose context and breakpoints are passed again
    waits_for: Run | None  # the replay or fork before it
    runners: int  # online, for this agent
    blocked: str  # why it cannot be done now, and what can; "": it can


def foresee(
    *,
    thread: int,
    checkpoint_id: str,
    ns: str = "",
    as_node: str = "",
    writes: bool = False,
    stays: bool = False,
) -> Foresight:
    """Say what a replay (by default) or a fork of this kind would do. Queries: constant, about 30.

    `writes` tells that values are written, `as_node` whose they are, `stays` that nothing runs.

    Raises:
        NotFound: there is no such thread or checkpoint.
    """
    found = thread_of(thread)
    agent = found.agent
    state = history.checkpoint(thread=found, checkpoint_id=checkpoint_id, ns=ns)
    ways = _ways(state, agent, as_node)
    lends = context_of(state)
    stop = stops.foreseen(
        state, found, ways=ways, as_node=as_node, nodes=nodes_of(agent), lends=lends
    )
    holds = stop is not None and stop.is_sure
    # Where a thread stays, nobody runs it on; at a breakpoint the approval does.
    ahead = tuple(way.node for way in ways) if holds or not stays else ()
    first = () if holds else ahead
    may_run = graph_ways.reachable(agent.graph, ahead)
    before = travelled(found, state) if ahead else Travelled((), ())
    # What stands beside the node a fork is written as does not run, unless the graph comes back.
    skipped = {*state.next, as_node} - {*ahead, *map(_root, may_run)} if as_node else set()
    active = active_run(found)
    told = obstacle(state, agent, as_node=as_node, writes=writes, changes=writes or stays)
    channels = _channels(agent)
    tool_names = [tool["name"] for tool in agent.tools]
    gone = _gone(state, agent)
    gone_channels = tuple(each for each in state.values if channels and each not in channels)
    has_changed = bool(gone or gone_channels)
    return Foresight(
        checkpoint=state,
        next=state.next,
        first=first,
        stop=stop,
        may_run=may_run,
        repeats=before.without(skipped, agent.tools),
        superseded=tuple(awaited(found.pk).select_related("decision__decided_by")),
        reviewed=asked_calls.tools(found, tool_names, writes=writes) if ahead else (),
        asks_again=() if as_node else _asked_there(found, state),
        loses=_lost(state, as_node),
        gone_nodes=gone,
        gone_channels=gone_channels,
        new_channels=tuple(each for each in channels if each not in state.values)
        if has_changed
        else (),
        context_of=lends,
        waits_for=active if active and active.trigger in Run.TRAVELS else None,
        runners=Runner.objects.serving(agent.name).online().count(),
        blocked=told or busy(active),
    )


def thread_of(pk: int) -> Thread:
    """The thread, with its agent.

    Raises:
        NotFound: there is no such thread, or it was deleted.
    """
    found = Thread.objects.select_related("agent").filter(pk=pk, deleted_at=None).first()
    if found is None:
        raise NotFound(f"There is no thread {pk}.")
    return found


def active_run(thread: Thread) -> Run | None:
    """The run that is queued or running on a thread. One query."""
    return thread.runs.active().select_related("created_by").first()


def busy(active: Run | None) -> str:
    """Why a replay or fork cannot even wait behind this run; "" if it can."""
    if active is None or active.trigger in Run.TRAVELS:
        return ""
    by = f" of {active.created_by.get_username()}" if active.created_by else ""
    return (
        f"Run {active.pk} ({active.get_trigger_display().lower()}){by} is "
        f"{active.get_status_display().lower()}: wait until it has ended, or cancel it."
    )


def context_of(state: CheckpointState) -> Run | None:
    """The run whose context, breakpoints and limit count at a checkpoint. At most one query.

    That is the run that made it, which may be of the thread this one was copied from.
    """
    if state.row.run is not None:
        return state.row.run
    return Run.objects.filter(thread=state.row.thread_id).order_by("-pk").first()


def nodes_of(agent: Agent) -> tuple[str, ...]:
    """The nodes that the agent's own graph has now, the start and the end left out. Pure."""
    triggers = Levels(agent.spec).triggers("")
    drawn = (agent.graph or {}).get("nodes") or ()
    names: Iterable[str] = triggers if triggers is not None else (node["id"] for node in drawn)
    return tuple(dict.fromkeys(_root(name) for name in names if not name.startswith("__")))


def obstacle(
    state: CheckpointState, agent: Agent, *, as_node: str, writes: bool, changes: bool
) -> str:
    """Why nobody can go back to a checkpoint in this way, and what works instead; "" if one can.

    `changes` tells a fork without `as_node` from a replay. Pure.
    """
    if state.row.ns:
        parents = state.metadata.get("parents")
        root = parents.get("") if isinstance(parents, dict) else None
        instead = f" ({root})" if isinstance(root, str) else ""
        return (
            f"This checkpoint is of a graph inside ({state.row.ns}), whose task exists once: go "
            f"back to the checkpoint of the agent's own graph that ran it{instead}."
        )
    nodes = nodes_of(agent)
    others = ", ".join(nodes)
    if as_node:
        if nodes and as_node not in (*nodes, END):
            return f"The agent has no node {as_node!r}. It has {others}."
        return ""
    if gone := _gone(state, agent):
        return (
            f"The agent's graph has changed since: it has no node {', '.join(gone)} any more. Fork "
            f"this checkpoint as one of the nodes it has ({others}), or go back further."
        )
    if not state.next and not changes:
        return (
            "Nothing runs after this checkpoint: the graph had ended there. Fork it with another "
            "state, or as the node to go on after."
        )
    if writes and sends(state.internal.get(SENDS)):
        return (
            f"{', '.join(dict.fromkeys(state.next))} got its input one by one (Send), and a change "
            "of the state here would lose it: fork the checkpoint before this one."
        )
    if writes and len(state.nodes) > 1:
        return (
            f"{', '.join(state.nodes)} ran last, so it is open whose change this is: choose the "
            "node as which it is written."
        )
    return ""


def _ways(state: CheckpointState, agent: Agent, as_node: str) -> tuple[Way, ...]:
    """The ways to the nodes that are next on the new branch."""
    if as_node == END:
        return ()
    if as_node:
        return graph_ways.successors(agent.graph, as_node)
    return tuple(Way(node, conditional=False) for node in state.next)


def has_node(nodes: Sequence[str], node: str) -> bool:
    """Whether an agent with these nodes can run this one; LangGraph's own are in every graph."""
    return not nodes or node in nodes or node.startswith("__")


def _gone(state: CheckpointState, agent: Agent) -> tuple[str, ...]:
    nodes = nodes_of(agent)
    if state.row.ns:
        return ()
    return tuple(dict.fromkeys(node for node in state.next if not has_node(nodes, node)))


def _channels(agent: Agent) -> tuple[str, ...]:
    """The channels that the agent's own graph has now; () where nobody told."""
    channels = agent.spec.get("channels")
    told = channels.get("") if isinstance(channels, dict) else None
    return tuple(name for name in told if not is_internal(name)) if isinstance(told, dict) else ()


def _lost(state: CheckpointState, as_node: str) -> tuple[str, ...]:
    """The nodes of the step whose results the new branch does not have.

    A step that was left open is begun again. One that is written as a node has that node alone.
    """
    finished = [task.node for task in state.tasks if task.finished and task.node]
    is_open = any(not task.finished and not task.by_fork for task in state.tasks)
    lost = [node for node in finished if node != as_node]
    return tuple(dict.fromkeys(lost)) if is_open or as_node not in ("", END) else ()


def _asked_there(thread: Thread, state: CheckpointState) -> tuple[Interrupt, ...]:
    """The questions of this checkpoint that are decided, each once: as it was asked last."""
    asked = Interrupt.objects.filter(
        thread=thread,
        checkpoint_id=state.row.checkpoint_id,
        status__in=(Interrupt.Status.ANSWERED, Interrupt.Status.APPLIED),
        decision__isnull=False,
    )
    rows = asked.select_related("decision__decided_by").order_by("pk")
    return tuple({(row.task_id, row.interrupt_id): row for row in rows}.values())


def _root(node: str) -> str:
    """The node of the agent's own graph that holds this one."""
    return node.partition(":")[0]
