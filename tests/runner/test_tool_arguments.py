"""What a held call shows of its arguments, what an edit changes, and what the console compares."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import pytest
from langchain_core.tools import (
    BaseTool,
    InjectedToolArg,
    InjectedToolCallId,
    StructuredTool,
    Tool,
    tool,
)
from langgraph.prebuilt import InjectedState, ToolNode, ToolRuntime
from pydantic import BaseModel, ConfigDict

from reviewconsole.protocol.messages import Verdict
from reviewconsole.runner import interrupts, tool_arguments, tools
from reviewconsole.runner.client import ConsoleClient
from tests.runner.gating import (
    APPROVE,
    GatedDesk,
    by_hand,
    call,
    calling,
    edit,
    one_node,
    questions,
    results,
)
from tests.runner.peer import Peer


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    tools.install()


@pytest.fixture
def effects() -> list[Any]:
    """What tools did, in order."""
    return []


@pytest.fixture
def desk(peer: Peer, client: ConsoleClient) -> Callable[..., GatedDesk]:
    return lambda graph, **verdicts: GatedDesk(peer, client, graph, **verdicts)


async def test_injected_arguments_are_not_shown_and_stay_through_an_edit(effects, desk):
    @tool
    def note(
        text: str,
        state: Annotated[dict[str, Any], InjectedState],
        tool_call_id: Annotated[str, InjectedToolCallId],
        runtime: ToolRuntime,
    ) -> str:
        """Write a note."""
        effects.append((text, len(state["messages"]), tool_call_id, runtime.tool_call_id))
        return text

    at = desk(one_node(ToolNode([note])), note=Verdict.REVIEW)
    paused = await at.start(calling(call("note", "c1", text="hello")))
    assert [question["args"] for question in questions(paused)] == [{"text": "hello"}]
    await at.resume(edit("note", text="bye"))
    assert effects == [("bye", 1, "c1", "c1")]
    assert [args for _, _, args in at.asked()] == [{"text": "hello"}, {"text": "bye"}]


@pytest.fixture
def wire(effects: list[Any]) -> BaseTool:
    class Wire(BaseModel):
        """Wire money."""

        model_config = ConfigDict(extra="forbid")
        amount: int
        account: Annotated[str, InjectedToolArg] = "hers"

    @tool(args_schema=Wire)
    def wire(amount: int, account: str = "hers") -> str:
        """Wire money."""
        effects.append((amount, account))
        return f"wired {amount} from {account}"

    return wire


FORGED = call("wire", "c1", amount=3, account="his")


@pytest.mark.parametrize(
    ("decision", "done"),
    [
        (APPROVE, (3, "his")),
        (edit("wire", amount=2), (2, "his")),
        (edit("wire", amount=2, account="hers"), (2, "hers")),
    ],
    ids=["approve", "edit of another argument", "edit"],
)
async def test_an_argument_that_only_an_app_should_inject_is_shown_and_edited(
    decision, done, wire, effects, desk
):
    at = desk(one_node(by_hand(wire, whole=True)), wire=Verdict.REVIEW)
    paused = await at.start(calling(FORGED))
    assert [each["args"] for each in questions(paused)] == [{"amount": 3, "account": "his"}]
    (question,) = paused.interrupts
    assert question.response_schema["$defs"]["wire"]["properties"]["account"] == {
        "default": "his", "title": "Account", "type": "string",
    }  # fmt: skip
    await at.resume(decision)
    assert effects == [done]
    assert [args for _, _, args in at.asked()] == [{"amount": 3}, {"amount": done[0]}]


async def test_an_answer_is_bound_to_the_arguments_that_an_app_injects(wire, effects, desk):
    accounts = iter(("hers", "his"))

    def node(state: Any) -> Any:
        return {"messages": [wire.invoke(call("wire", "c1", amount=3, account=next(accounts)))]}

    at = desk(one_node(node), wire=Verdict.REVIEW)
    await at.start({"messages": []})
    outcome = await at.resume(APPROVE)
    assert [each["args"]["account"] for each in questions(outcome)] == ["his"]
    assert effects == []


async def test_what_an_app_injects_that_is_no_plain_data_is_not_shown(effects, desk):
    @tool
    def wire(amount: int, bank: Annotated[Any, InjectedToolArg]) -> str:
        """Wire money."""
        effects.append((amount, type(bank)))
        return "wired"

    def node(state: Any) -> Any:
        given = {"amount": 3, "bank": threading.Lock()}
        return {"messages": [wire.invoke({**call("wire", "c1"), "args": given})]}

    at = desk(one_node(node), wire=Verdict.REVIEW)
    paused = await at.start({"messages": []})
    assert [each["args"] for each in questions(paused)] == [{"amount": 3}]
    await at.resume(edit("wire", amount=2))
    assert effects == [(2, type(threading.Lock()))]


def pay_of(amount: int, bank: dict[str, str], account: Annotated[str, InjectedToolArg]) -> str:
    """Pay from an account."""
    return f"{amount} {bank} {account}"


class Payer:
    def __call__(self, amount: int, account: Annotated[str, InjectedToolArg]) -> str:
        return f"{amount} {account}"


class PayTool(BaseTool):
    name: str = "pay"
    description: str = "Pay."

    def _run(
        self, amount: int, account: Annotated[str, InjectedToolArg], runtime: ToolRuntime[Any, Any]
    ) -> str:
        return f"{amount} {account} {runtime}"


@pytest.mark.parametrize(
    "made",
    [
        StructuredTool.from_function(
            partial(pay_of, bank={}), name="pay", description="Pay.", args_schema={"type": "object"}
        ),
        StructuredTool.from_function(
            Payer(), name="pay", description="Pay.", args_schema={"type": "object"}
        ),
        PayTool(),
    ],
    ids=["partial", "object", "class"],
)
@pytest.mark.parametrize("account", ["his", {"of": ["his"], "since": 1.5}])
def test_however_a_tool_is_made_it_tells_what_an_app_injects(made, account):
    given = {"amount": 1, "account": account, "runtime": {"forged": True}}
    public = tool_arguments.public(made, given)
    assert public | tool_arguments.injected(made, given, public) == {
        name: value
        for name, value in given.items()
        if name != "runtime" or not isinstance(made, PayTool)
    }


async def test_what_an_app_injects_is_edited_where_only_a_schema_tells(desk):
    def send(to: str, account: Annotated[str, InjectedToolArg]) -> str:
        return f"{to} from {account}"

    schema = {
        "type": "object",
        "title": "send",
        "properties": {"to": {"type": "string"}},
        "additionalProperties": False,
    }
    made = StructuredTool.from_function(
        send, name="send", description="Send.", args_schema=schema, infer_schema=False
    )
    at = desk(one_node(by_hand(made, whole=True)), send=Verdict.REVIEW)
    paused = await at.start(calling(call("send", "c1", to="bob", account="his")))
    (question,) = paused.interrupts
    action = question.response_schema["$defs"]["EditedAction"]["properties"]["args"]
    assert action["properties"] == {"to": {"type": "string"}, "account": {}}
    outcome = await at.resume(edit("send", to="bob", account="hers"))
    assert results(outcome) == [("c1", "success", "bob from hers")]


async def test_plain_data_that_cannot_be_stored_is_not_hidden(wire, effects, desk):
    forged = call("wire", "c1", amount=3, account={"number": 2**70})
    at = desk(one_node(lambda state: {"messages": [wire.invoke(forged)]}), wire=Verdict.REVIEW)
    ((_, status, text),) = results(await at.start({"messages": []}))
    assert (status, effects) == ("error", [])
    assert text.startswith("Calls of wire are reviewed first, and this one cannot be shown: ")


async def test_an_argument_that_is_named_like_a_callback_is_shown(effects, desk):
    send = StructuredTool.from_function(
        lambda **given: str(effects.append(given)),
        name="send",
        description="Send.",
        args_schema={
            "type": "object",
            "title": "send",
            "description": "Send.",
            "properties": {"callbacks": {"type": "array"}},
        },
    )
    at = desk(one_node(ToolNode([send])))
    await at.start(calling(call("send", "c1", callbacks=["https://evil.example"])))
    assert at.asked() == [("send", "c1", {"callbacks": ["https://evil.example"]})]


@pytest.mark.parametrize("decision", [APPROVE, edit("look", query="b")], ids=["approve", "edit"])
@pytest.mark.parametrize("kind", ["plain", "structured"])
async def test_a_tool_that_is_given_text(kind, decision, effects, desk):
    def look(query: str) -> str:
        effects.append(query)
        return query

    made: BaseTool = (
        Tool("look", look, "Look up.") if kind == "plain" else tool(description="Look up.")(look)
    )
    node = one_node(lambda state: {"messages": [("human", made.invoke("a"))]})
    at = desk(node, look=Verdict.REVIEW)
    name = "tool_input" if kind == "plain" else "query"
    paused = await at.start({"messages": []})
    assert [question["args"] for question in questions(paused)] == [{name: "a"}]
    if decision is not APPROVE:
        decision = edit("look", **{name: "b"})
    await at.resume(decision)
    assert effects == ["a" if decision is APPROVE else "b"]


async def test_arguments_that_cannot_be_stored_are_asked_for_without_them(effects, desk):
    @tool
    def count(number: Any) -> str:
        """Count."""
        effects.append(number)
        return "ok"

    at = desk(one_node(lambda state: {"messages": [("human", count.invoke({"number": 2**70}))]}))
    await at.start({"messages": []})
    assert at.asked() == [("count", None, None)]
    assert effects == [2**70]


async def test_arguments_whose_type_no_schema_can_say_are_reviewed_all_the_same(effects, desk):
    @tool
    def draw(colour: str, then: Callable[[], str] | None = None) -> str:
        """Draw."""
        effects.append(colour)
        return "drawn"

    at = desk(one_node(by_hand(draw, whole=True)), draw=Verdict.REVIEW)
    paused = await at.start(calling(call("draw", "c1", colour="red")))
    (question,) = paused.interrupts
    action = question.response_schema["$defs"]["EditedAction"]["properties"]
    assert action["args"] == {"additionalProperties": True, "title": "Args", "type": "object"}
    await at.resume(APPROVE)
    assert effects == ["red"]
