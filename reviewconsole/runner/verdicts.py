"""Verdicts on a breakpoint: the state is changed so that only approved tool calls can run."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig

from reviewconsole.protocol.marks import DECISION
from reviewconsole.runner.breakpoints import Breakpoint, Graph


class UnusableDecision(ValueError):
    """A decision does not fit the breakpoint it was made for; nothing was run."""


class Derailed(RuntimeError):
    """Changing the state led somewhere else than to the nodes that were decided on."""


def runs_calls(verdict: Any) -> bool:
    """Whether a decision lets the waiting nodes run; false where it rejects all their calls.

    Raises:
        UnusableDecision: it is no decision of a breakpoint.
    """
    verdicts = _verdicts(verdict)
    return not verdicts or any(each["type"] != "reject" for each in verdicts)


def approves_all(verdict: Any) -> bool:
    """Whether a decision lets everything run as it is.

    Raises:
        UnusableDecision: as `runs_calls`.
    """
    return all(each["type"] == "approve" for each in _verdicts(verdict))


async def decide(root: Graph, stop: Breakpoint, verdict: Any, *, decision: int) -> None:
    """Change the state as decided, so that going on runs the approved calls and no other.

    `verdict` is `{"calls": [{"id", "type": "approve"} | {"id", "type": "edit", "args"} | {"id",
    "type": "reject", "message"}]}`, one for each call, or `{"calls": []}` where there are none.
    Nothing is changed where all are approved as they are; otherwise there is one new checkpoint,
    which carries the decision in its metadata.

    Raises:
        UnusableDecision: it does not name each waiting call once, or changes some where others have
            run. Nothing was changed.
        Derailed: the changed state leads elsewhere. Nothing may be run.
    """
    named = sorted(each["id"] for each in _verdicts(verdict))
    waiting = sorted(str(call["id"]) for call in stop.calls)
    if named != waiting:
        raise UnusableDecision(f"decided were the calls {named}, waiting are {waiting}")
    verdicts = {each["id"]: each for each in _verdicts(verdict)}
    if approves_all(verdict):
        return
    if stop.begun:
        raise UnusableDecision(
            "other calls of this step have run already, and changing the state would lose their "
            "results; what is left can only be approved as it is"
        )
    running = [_edited(call, verdicts[call["id"]]) for call in stop.calls if _runs(call, verdicts)]
    rejected = [call for call in stop.calls if not _runs(call, verdicts)]
    await root.aupdate_state(
        stop.config | {"metadata": {DECISION: decision}},
        {stop.messages_key: _messages(stop, running, rejected, verdicts, decision)},
        as_node=stop.author if running else stop.tool_node,
    )
    await _check_next(root, stop, running)


def _runs(call: ToolCall, verdicts: dict[Any, Any]) -> bool:
    return bool(verdicts[call["id"]]["type"] != "reject")


def _edited(call: ToolCall, verdict: dict[str, Any]) -> ToolCall:
    return {**call, "args": verdict["args"]} if verdict["type"] == "edit" else call


def _messages(
    stop: Breakpoint,
    running: list[ToolCall],
    rejected: list[ToolCall],
    verdicts: dict[Any, Any],
    decision: int,
) -> list[Any]:
    """The update: every call keeps its result, and only approved calls are left to run."""
    assert stop.message is not None  # noqa: S101 -- calls come from a message
    refusals = [
        ToolMessage(
            verdicts[call["id"]]["message"] or "A reviewer rejected this tool call.",
            name=call["name"],
            tool_call_id=call["id"],
            status="error",
        )
        for call in rejected
    ]
    if not running:
        return list(refusals)
    if not rejected:
        edited = {call["id"]: call for call in running}
        calls = [edited.get(call["id"], call) for call in stop.message.tool_calls]
        return [stop.message.model_copy(update={"tool_calls": calls})]
    moved = {call["id"] for call in running}
    stay = [call for call in stop.message.tool_calls if call["id"] not in moved]
    content = _without(stop.message.content, moved)
    kept = stop.message.model_copy(update={"tool_calls": stay, "content": content})
    # Providers want a result after each call, so what still runs goes into a message of its own.
    rest = AIMessage("", id=f"{stop.message.id}-{decision}", tool_calls=running)
    return [kept, *refusals, rest]


def _without(content: Any, call_ids: set[Any]) -> Any:
    """The content without the blocks by which some providers repeat a tool call."""
    if not isinstance(content, list):
        return content
    return [
        block
        for block in content
        if not (isinstance(block, dict) and "id" in block and block["id"] in call_ids)
    ]


async def _check_next(root: Graph, stop: Breakpoint, running: list[ToolCall]) -> None:
    level = {**stop.config["configurable"], "checkpoint_id": None, "checkpoint_map": None}
    config: RunnableConfig = {"configurable": {k: v for k, v in level.items() if v is not None}}
    then = set((await root.aget_state(config)).next)
    if running and then != set(stop.waiting):
        raise Derailed(
            f"the decided calls should run in {', '.join(stop.waiting)}, but the graph would go on "
            f"with {', '.join(sorted(then)) or 'nothing'}; nothing was run"
        )
    if not running and stop.tool_node in then:
        raise Derailed(
            f"all calls were rejected, but the graph would run {stop.tool_node}; nothing was run"
        )


def _verdicts(verdict: Any) -> list[dict[str, Any]]:
    match verdict:
        case {"calls": list(calls)} if all(_is_verdict(each) for each in calls):
            return calls
    raise UnusableDecision(f"{verdict!r} is no decision about the calls of a breakpoint")


def _is_verdict(each: Any) -> bool:
    match each:
        case (
            {"id": str(), "type": "approve"}
            | {"id": str(), "type": "edit", "args": dict()}
            | {"id": str(), "type": "reject", "message": str() | None}
        ):
            return True
    return False
