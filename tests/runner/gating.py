"""A console that rules on tool calls by name, and runs whose tools ask it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph

from reviewconsole.protocol.messages import Admission, CallTool, Request, Result, Verdict
from reviewconsole.runner import stored
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.gate import Gate
from tests.runner.executing import Desk, Outcome, asked
from tests.runner.peer import Peer

REFUSED = "blocked by ada"
APPROVE = {"type": "approve"}


class GatedDesk(Desk):
    """A desk whose console lets run, holds or refuses each tool as `verdicts` says."""

    def __init__(self, peer: Peer, client: ConsoleClient, graph: Any, **verdicts: Verdict) -> None:
        super().__init__(peer, client, graph)
        self.client = client
        self.verdicts = verdicts
        peer.answer_instead = self._rule

    async def execute(self, assignment: Any) -> Outcome:
        with Gate(self.client, assignment.lease, assignment.thread).open():
            return await super().execute(assignment)

    def asked(self) -> list[tuple[str, str | None, Any]]:
        """The calls that the console was asked about: tool, call id, arguments."""
        return [
            (each.tool, each.call_id, each.args and stored.to_plain(each.args))
            for each in self.peer.of(CallTool)
        ]

    def ruled(self, request: CallTool) -> Admission:
        """What is said of a tool by its name; what was decided may run."""
        verdict = self.verdicts.get(request.tool, Verdict.RUN)
        if verdict is Verdict.REVIEW and request.decision is not None:
            verdict = Verdict.RUN
        return Admission(verdict, REFUSED if verdict is Verdict.REFUSE else "")

    def _rule(self, request: Request) -> Result | None:
        return self.ruled(request) if isinstance(request, CallTool) else None


def call(name: str, call_id: str, **args: Any) -> dict[str, Any]:
    """A tool call of a model's message."""
    return {"name": name, "args": args, "id": call_id, "type": "tool_call"}


def edit(name: str, **args: Any) -> dict[str, Any]:
    """The decision to run a call with these arguments instead."""
    return {"type": "edit", "edited_action": {"name": name, "args": args}}


def calling(*calls: dict[str, Any]) -> dict[str, Any]:
    """The state of an agent whose model has just made these calls."""
    return {"messages": [AIMessage("", tool_calls=calls)]}


def one_node(node: Any) -> Any:
    """A graph of one node with messages."""
    builder = StateGraph(MessagesState)
    builder.add_node("tools", node)
    builder.add_edge(START, "tools")
    return builder.compile()


def by_hand(*tools: Any, whole: bool = False) -> Callable[[Any], Any]:
    """The tutorial's node: it calls each tool itself, with the arguments or the whole call."""
    tools_by_name = {each.name: each for each in tools}

    def run_tools(state: Any) -> Any:
        results = []
        for each in state["messages"][-1].tool_calls:
            result = tools_by_name[each["name"]].invoke(each if whole else each["args"])
            if not isinstance(result, ToolMessage):
                result = ToolMessage(result, tool_call_id=each["id"])
            results.append(result)
        return {"messages": results}

    return run_tools


def results(outcome: Any) -> list[tuple[str, str, str]]:
    """The tool messages of an outcome: call id, status, text."""
    messages = stored.load(outcome.snapshot)["messages"]
    return [
        (each.tool_call_id, each.status, str(each.content))
        for each in messages
        if isinstance(each, ToolMessage)
    ]


def questions(outcome: Any) -> list[Any]:
    """What a pause asks, to be looked into."""
    return list(asked(outcome))
