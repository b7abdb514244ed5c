"""Row 1: a node that asks with any value, given in the input or made here by name."""

import dataclasses
import datetime
import decimal
import enum
import uuid
from collections.abc import Callable
from typing import Any

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from tests.pauses.agents.witness import note


class Payment(BaseModel):
    """An object that no console can import."""

    amount: int
    currency: str


@dataclasses.dataclass
class Address:
    """Another one."""

    street: str


class Colour(enum.Enum):
    """And a third."""

    RED = "red"


def nested(levels: int) -> object:
    """A list in a list in a list."""
    value: object = "bottom"
    for _ in range(levels):
        value = [value]
    return value


MADE: dict[str, Callable[[], object]] = {
    "set": lambda: {"b", "a", "c"},
    "date": lambda: datetime.date(2026, 11, 22),
    "time": lambda: datetime.datetime(2026, 11, 22, 9, 30, tzinfo=datetime.UTC),
    "decimal": lambda: decimal.Decimal("10.50"),
    "uuid": lambda: uuid.UUID(int=7),
    "tuple": lambda: (1, "two"),
    "pydantic": lambda: Payment(amount=5, currency="EUR"),
    "dataclass": lambda: Address("High Street 1"),
    "enum": lambda: Colour.RED,
    "surrogate": lambda: "half \ud83d of a pair",
    "65 bits": lambda: 2**64,
    "too deep": lambda: nested(300),
    "function": lambda: note,
    "large": lambda: "x" * 20_000_000,
}


class State(TypedDict, total=False):
    """What to ask, and what came back."""

    made: str
    value: Any
    answer: Any


def ask(state: State) -> State:
    """Ask with the value, and keep what is answered."""
    value = MADE[state["made"]]() if "made" in state else state["value"]
    answer = interrupt(value)
    note("answered", type=type(answer).__name__, same=answer == value)
    return {"answer": answer}


builder = StateGraph(State)
builder.add_node(ask)
builder.add_edge(START, "ask")
any_value = builder.compile()
