"""How a call ended, and which results can be kept."""

from __future__ import annotations

import asyncio
import math
from collections import namedtuple
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import ToolException, tool
from langgraph.errors import GraphDrained, GraphInterrupt, ParentCommand
from langgraph.types import Command, Send
from pydantic import BaseModel

from reviewconsole.protocol.messages import Outcome
from reviewconsole.runner.call_ends import LONGEST_ERROR, CallEnd, is_same, raised, returned
from reviewconsole.runner.exceptions import Disconnected


class Colour(StrEnum):
    RED = "red"


Point = namedtuple("Point", "x y")


@dataclass
class Order:
    amount: int


class Invoice(BaseModel):
    amount: int


KEPT: list[Any] = [
    None,
    "text",
    2**60,
    1.0,
    math.nan,
    b"bytes",
    [1, "two", {"three": [3.0, None]}],
    {"a": {1: "one"}},
    ToolMessage("paid", tool_call_id="c1", name="pay", artifact={"rows": [1, 2]}),
    ToolMessage([{"type": "text", "text": "t"}], tool_call_id="c1", status="error"),
    [ToolMessage("a", tool_call_id="c1"), Command(goto="next")],
    Command(
        update={"messages": [HumanMessage("hi")], "n": 1}, goto=(Send("a", {}), Send("b", {"n": 2}))
    ),
]


@pytest.mark.parametrize("value", KEPT, ids=lambda value: f"{value!r}"[:40])
def test_a_result_that_comes_back_as_it_was_is_kept(value: Any):
    end = returned(value)
    assert (end.outcome, end.why) == (Outcome.FINISHED, "")
    assert end.value is value
    taken = end.take()
    assert taken is not value or not isinstance(value, list | dict)
    assert is_same(value, taken)


CHANGED: list[Any] = [
    (1, 2),
    [(1, 2)],
    {"a": {1, 2}, "b": bytearray(b"x")},
    Colour.RED,
    Point(1, 2),
    Order(3),
    Invoice(amount=3),
    ToolMessage("paid", tool_call_id="c1", artifact=Order(3)),
    Command(update=[("n", 1)]),
    "\ud800",
    2**70,
    object(),
    lambda: None,
]


@pytest.mark.parametrize("value", CHANGED, ids=lambda value: f"{value!r}"[:40])
def test_a_result_that_comes_back_as_another_is_not_kept(value: Any):
    end = returned(value)
    assert (end.outcome, end.value, end.kept) == (Outcome.FINISHED, value, None)
    assert end.why != ""
    assert end.take() is value


def test_a_result_that_nobody_can_ask_for_is_not_stored():
    assert returned([1], keep=False) == CallEnd(Outcome.FINISHED, [1])


@pytest.mark.parametrize(
    ("error", "outcome", "why"),
    [
        (GraphInterrupt(()), Outcome.PAUSED, "GraphInterrupt: ()"),
        (GraphDrained("stop"), Outcome.PAUSED, "GraphDrained: Graph drained: stop"),
        (ParentCommand(Command(goto="x")), Outcome.FAILED, "ParentCommand: Command(goto='x')"),
        pytest.param(
            ExceptionGroup("calls", [GraphInterrupt(()), ExceptionGroup("", [GraphInterrupt(())])]),
            Outcome.PAUSED,
            "ExceptionGroup: calls (2 sub-exceptions)",
            id="pauses alone",
        ),
        pytest.param(
            ExceptionGroup("calls", [GraphInterrupt(()), ValueError("no")]),
            Outcome.FAILED,
            "ExceptionGroup: calls (2 sub-exceptions)",
            id="a pause and a failure",
        ),
        (ValueError("no"), Outcome.FAILED, "ValueError: no"),
        (OSError("\ud800"), Outcome.FAILED, "OSError: \\ud800"),
        (Disconnected("closed"), Outcome.CUT_OFF, "Disconnected"),
        (ToolException("no"), Outcome.FAILED, "ToolException: no"),
        (asyncio.CancelledError(object()), Outcome.CUT_OFF, "CancelledError"),
        (KeyboardInterrupt(), Outcome.CUT_OFF, "KeyboardInterrupt"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_says_what_became_of_the_call(error: BaseException, outcome: Any, why: str):
    end = raised(error)
    assert (end.outcome, end.why) == (outcome, why)
    with pytest.raises(type(error)):
        end.take()


def test_a_long_error_is_cut():
    assert len(raised(ValueError("x" * 2 * LONGEST_ERROR)).why) == LONGEST_ERROR


def test_arguments_that_do_not_fit_are_refused_before_the_tool_is_reached():
    @tool
    def pay(amount: int) -> int:
        """Pay money."""
        return int(Invoice.model_validate({"amount": "many"}).amount)

    outcomes = []
    for amount in ("many", 3):  # the second fails in the tool itself, in the same way
        with pytest.raises(ValueError, match="validation error") as failure:
            pay.invoke({"amount": amount})
        outcomes.append(raised(failure.value).outcome)
    assert outcomes == [Outcome.UNTOUCHED, Outcome.FAILED]


@tool
async def transfer(amount: int) -> int:
    """Transfer money."""
    raise ValueError("validation error")


async def test_the_same_holds_where_a_tool_is_awaited():
    outcomes = []
    for amount in ("many", 3):
        with pytest.raises(ValueError, match="validation error") as failure:
            await transfer.ainvoke({"amount": amount})
        outcomes.append(raised(failure.value).outcome)
    assert outcomes == [Outcome.UNTOUCHED, Outcome.FAILED]
