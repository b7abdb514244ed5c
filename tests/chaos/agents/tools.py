"""Tools with effects: each writes a line into a ledger that is no part of the system.

A tool takes its time before and after its effect, so that a process may be killed in between. The
words it returns follow from its call, so that a person who finds the call in the ledger can say
what it returned.
"""

import asyncio
import os
import time
from random import Random
from typing import Annotated

from langchain_core.tools import InjectedToolCallId, tool
from langgraph.config import get_config
from langgraph.types import interrupt

from tests.chaos.ledger import append, outcome

CallId = Annotated[str, InjectedToolCallId]

LONGEST_SECONDS = 0.6  # before the effect, and after it


def moments(call: str) -> tuple[float, float]:
    """How long this call takes before and after its effect, in seconds; often no time at all."""
    chance = Random(f"{_thread()} {call}")  # not `hash`: the same in each process
    before, after = (max(0.0, chance.uniform(-LONGEST_SECONDS, LONGEST_SECONDS)) for _ in "ab")
    return before, after


def record(tool: str, call: str, **args: object) -> None:
    """Have the effect: a line that has reached the disk."""
    append(
        os.environ["LEDGER"],
        {
            "thread": _thread(),
            "call": call,
            "tool": tool,
            "args": args,
            "pid": os.getpid(),
            "time": time.time(),
        },
    )


def _thread() -> str:
    return str(get_config()["configurable"]["thread_id"])


def _act(tool: str, call: str, **args: object) -> str:
    before, after = moments(call)
    time.sleep(before)
    record(tool, call, **args)
    time.sleep(after)
    return outcome(tool, call)


async def _act_async(tool: str, call: str, **args: object) -> str:
    before, after = moments(call)
    await asyncio.sleep(before)
    record(tool, call, **args)
    await asyncio.sleep(after)
    return outcome(tool, call)


@tool
def pay(order: int, note: str, call: CallId) -> str:
    """Pay for an order. A person reviews it first."""
    return _act("pay", call, order=order, note=note)


@tool
async def refund(order: int, note: str, call: CallId) -> str:
    """Pay money back. A person reviews it first."""
    return await _act_async("refund", call, order=order, note=note)


@tool
async def jot(order: int, note: str, call: CallId) -> str:
    """Write a note, which nobody reviews, and which nobody wants twice."""
    return await _act_async("jot", call, order=order, note=note)


@tool
def jot_at_once(order: int, note: str, call: CallId) -> str:
    """Write a note in a thread of its own, without a loop."""
    return _act("jot_at_once", call, order=order, note=note)


@tool
def look_up(order: int, note: str, call: CallId) -> str:
    """Read something: twice does no harm."""
    return _act("look_up", call, order=order, note=note)


look_up.metadata = {"idempotent": True}


@tool
def consult(order: int, note: str, call: CallId) -> str:
    """Ask a person in the middle of the work, then act on the answer."""
    answer = interrupt({"query": f"{call}: how is order {order} to be handled?"})
    words = answer["data"] if isinstance(answer, dict) else answer
    return _act("consult", call, order=order, note=str(words))
