"""Rows 2, 3, 4, 7 and 10: agents that ask by themselves, and read their answer strictly."""

import json
import warnings
from typing import Annotated, Any

from langchain_core.tools import tool
from langgraph.errors import NodeInterrupt
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from tests.pauses.agents.parrot import Parrot
from tests.pauses.agents.witness import note


class Messages(TypedDict):
    """A conversation."""

    messages: Annotated[list[Any], add_messages]


class State(TypedDict, total=False):
    """What to ask, and what came of it."""

    subject: str
    form: str
    schema: dict[str, Any]
    approved_already: bool
    answer: Any


# Row 2: the tutorial chatbot.


@tool
def human_assistance(query: str) -> str:
    """Request assistance from a human."""
    answer = interrupt({"query": query})
    note("human_assistance", data=answer["data"])
    return str(answer["data"])


# Row 3: an approval that was made up in the tool.


@tool
def wire_money(amount: int, to: str) -> str:
    """Wire money, if somebody approves."""
    answer = interrupt(
        {
            "action": "wire_money",
            "args": {"amount": amount, "to": to},
            "message": "Shall this be paid?",
        }
    )
    if answer["approved"] is not True:
        return "not paid"
    note("wire_money", amount=amount, to=to)
    return "paid"


def chatbot(state: Messages) -> dict[str, Any]:
    """Propose calls, then report."""
    return {"messages": [Parrot().invoke(state["messages"])]}


talk = StateGraph(Messages)
talk.add_node(chatbot)
talk.add_node("tools", ToolNode([human_assistance, wire_money]))
talk.add_edge(START, "chatbot")
talk.add_conditional_edges("chatbot", tools_condition)
talk.add_edge("tools", "chatbot")
chat = talk.compile()


# Row 4: an answer with a schema.


class Choice(BaseModel):
    """What the agent wants to know."""

    ok: bool
    note: str = ""


SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "integer", "minimum": 1, "maximum": 100}},
    "required": ["amount"],
    "additionalProperties": False,
}


def ask_typed(state: State) -> State:
    """Ask for a model."""
    choice = interrupt(f"May I {state['subject']}?", response_schema=Choice)
    note("typed", type=type(choice).__name__, ok=choice.ok)
    return {"answer": choice.model_dump()}


def ask_by_schema(state: State) -> State:
    """Ask for what a JSON schema says, which LangGraph publishes and does not check."""
    return {"answer": interrupt({"how much": state["subject"]}, response_schema=SCHEMA)}


def ask_by_any_schema(state: State) -> State:
    """Ask for what the schema in the input says, if it says anything."""
    return {"answer": interrupt("which?", response_schema=state["schema"])}


# Row 7: the inbox that came before the middleware.


def ask_the_old_way(state: State) -> State:
    """Ask as a dict, a list or JSON, and read the first of a list of answers."""
    request = {
        "action_request": {"action": "send_email", "args": {"to": state["subject"]}},
        "config": {
            "allow_accept": True,
            "allow_edit": True,
            "allow_respond": True,
            "allow_ignore": True,
        },
        "description": "Please review",
    }
    forms: dict[str, Any] = {"dict": request, "list": [request], "json": json.dumps(request)}
    (answer,) = interrupt(forms[state["form"]])
    note("inbox", **answer)
    return {"answer": answer}


# Row 10: deprecated, and still about. It takes no answer.


def check(state: State) -> State:
    """Refuse to go on until the state says that it is all right."""
    note("check")
    if not state.get("approved_already"):
        with warnings.catch_warnings(action="ignore"):
            raise NodeInterrupt(f"{state['subject']} is too long")
    return {"answer": "checked"}


def check_too(state: State) -> State:
    """Refuse beside another: both interrupts have the same id."""
    note("check_too")
    if not state.get("approved_already"):
        with warnings.catch_warnings(action="ignore"):
            raise NodeInterrupt(f"{state['subject']} is too loud")
    return {}


def one_node(node: Any, *, after: Any = None) -> Any:
    """A graph of this node, and perhaps one more."""
    builder = StateGraph(State)
    builder.add_sequence([node, after] if after else [node])
    builder.add_edge(START, node.__name__)
    return builder.compile()


def act(state: State) -> State:
    """Say that what comes after the pause has run."""
    note("act")
    return {}


typed = one_node(ask_typed)
by_schema = one_node(ask_by_schema)
by_any_schema = one_node(ask_by_any_schema)
old_inbox = one_node(ask_the_old_way)
node_interrupt = one_node(check, after=act)

side_by_side = StateGraph(State)
for node in (check, check_too):
    side_by_side.add_node(node)
    side_by_side.add_edge(START, node.__name__)
two_node_interrupts = side_by_side.compile()
