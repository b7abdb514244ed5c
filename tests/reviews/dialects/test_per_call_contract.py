"""The installed LangChain asks for each call in the form we read, and accepts what we write."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.reviews import ActionDecision, DecisionType, answer, read

APPROVE, EDIT, REJECT, RESPOND, SKIP, WRITE = DecisionType


class Model(FakeMessagesListChatModel):
    """A model that says its messages in turn, whatever tools it is given."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


@tool
def pay(amount: float) -> str:
    """Pay."""
    return f"paid {amount}"


@tool
def delete(path: str) -> str:
    """Delete."""
    return f"deleted {path}"


@pytest.mark.parametrize(
    ("paid", "deleted", "results"),
    [
        (ActionDecision(APPROVE), ActionDecision(APPROVE), ["paid 120.0", "deleted /r"]),
        (
            ActionDecision(EDIT, args={"amount": 1.5}),
            ActionDecision(REJECT, message="No!"),
            ["paid 1.5", "with reason: No!"],
        ),
        (
            ActionDecision(RESPOND, message="Done by hand."),
            ActionDecision(REJECT),
            ["Done by hand.", "unless the user explicitly requests it."],
        ),
    ],
)
def test_what_is_decided_is_what_happens(paid, deleted, results):
    calls = [
        {"id": "c1", "name": "pay", "args": {"amount": 120.0}},
        {"id": "c2", "name": "delete", "args": {"path": "/r"}},
    ]
    gated = HumanInTheLoopMiddleware(
        interrupt_on={"pay": True, "delete": {"allowed_decisions": ["approve", "reject"]}},
        interrupt_mode="per_call",
    )
    agent = create_agent(
        Model(responses=[AIMessage("", tool_calls=calls), AIMessage("Done.")]),
        tools=[pay, delete],
        middleware=[gated],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    asked: Any = {"messages": [{"role": "user", "content": "Pay, then delete."}]}
    interrupts = agent.invoke(asked, config)["__interrupt__"]

    resume = {}
    decided = {"pay": paid, "delete": deleted}
    for interrupt in interrupts:
        request = read(interrupt.value, kind="interrupt", response_schema=interrupt.response_schema)
        (action,) = request.actions
        assert request.dialect == "per_call"
        assert (
            (action.name == "pay") == (EDIT in action.allowed) == (action.args_schema is not None)
        )
        resume[interrupt.id] = answer(request, [decided[action.name]]).resume
    messages = agent.invoke(Command(resume=resume), config)["messages"]

    found = {m.tool_call_id: str(m.content) for m in messages if isinstance(m, ToolMessage)}
    assert found.keys() == {"c1", "c2"}
    assert (found["c1"].endswith(results[0]), found["c2"].endswith(results[1])) == (True, True)
