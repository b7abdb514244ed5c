"""What an agent is told to do: a script, made of a seed, that goes with the input of its thread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

REVIEWED = ("pay", "refund")
FREE = ("jot", "jot_at_once")
IDEMPOTENT = ("look_up",)
HELD_BY_CONSOLE = ("gated", "created")
CONVERSING = (*HELD_BY_CONSOLE, "batched", "per_call", "consulting")
AGENTS = (*CONVERSING, "panel")

ACT = "act"
"""The id of the one call of a panel."""

LAST_WORDS = "All done."
"""What the model says when its script is at its end."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a script."""

    id: str
    tool: str
    order: int
    note: str

    @property
    def args(self) -> dict[str, Any]:
        """What the tool gets if nobody edits it."""
        return {"order": self.order, "note": self.note}

    @property
    def is_reviewed(self) -> bool:
        """Whether a person must have approved it before it runs."""
        return self.tool in REVIEWED


@dataclass(frozen=True, slots=True)
class Plan:
    """The script of one thread: the calls of each turn. A panel has no turns, only an order."""

    agent: str
    order: int
    turns: tuple[tuple[Call, ...], ...] = ()

    @property
    def calls(self) -> Iterator[Call]:
        """All its calls, in order."""
        for turn in self.turns:
            yield from turn

    @property
    def input(self) -> dict[str, Any]:
        """What the run is started with."""
        if self.agent == "panel":
            return {"order": self.order}
        turns = [
            [{"id": call.id, "name": call.tool, "args": call.args} for call in turn]
            for turn in self.turns
        ]
        return {"messages": [{"role": "user", "content": json.dumps(turns)}]}


def make(chance: Random, order: int) -> Plan:
    """A script for one of the agents: one to three turns of one to three calls."""
    agent = chance.choice(AGENTS)
    if agent == "panel":
        return Plan(agent, order)
    turns = tuple(
        tuple(_call(chance, agent, order, turn, n) for n in range(chance.randint(1, 3)))
        for turn in range(chance.randint(1, 3))
    )
    return Plan(agent, order, turns)


def _call(chance: Random, agent: str, order: int, turn: int, n: int) -> Call:
    if agent == "consulting":
        tool = chance.choice(("consult", "consult", "jot"))
    else:
        tool = chance.choice((*REVIEWED, *REVIEWED, *FREE, *IDEMPOTENT))
    return Call(f"{turn}-{n}", tool, order, f"call {n} of turn {turn}")


def read(agent: str, given: Any) -> Plan:
    """The script that a run was started with."""
    if agent == "panel":
        return Plan(agent, given["order"])
    turns = json.loads(given["messages"][0]["content"])
    calls = tuple(
        tuple(Call(call["id"], call["name"], **call["args"]) for call in turn) for turn in turns
    )
    return Plan(agent, calls[0][0].order, calls)
