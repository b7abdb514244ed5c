"""Both sides in one run: consoles on PostgreSQL and SQLite, and LangGraph's own savers."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.consoles import Benched, console, database
from benchmarks.sides import Side, side
from tests.postgres import running


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared: consoles and their agents by database, and the peers by their name."""

    consoles: dict[str, Benched]
    agents: dict[str, Side]
    peers: dict[str, Side]

    def rates(
        self,
        on: str,
        agent: str,
        runs: int,
        repetitions: int,
        order: tuple[Any, ...],
        peer: str = "postgres",
    ) -> tuple[float, float, float]:
        """Give both the same order in turn: medians of both rates, and of their ratios.

        The order is reversed at every other repetition; where there are several, a first one warms
        up and does not count. `runs` are queued for each order of ours.
        """
        found: list[tuple[float, float]] = []
        warm_up = 1 if repetitions > 1 else 0
        for number in range(warm_up + repetitions):
            rate: dict[str, float] = {}
            for which in ("ours", "peer") if number % 2 else ("peer", "ours"):
                if which == "ours":
                    self.consoles[on].queue(agent, runs)
                asked = self.agents[on] if which == "ours" else self.peers[peer]
                done, seconds = asked.do(*order)
                rate[which] = done / seconds
            found.append((rate["ours"], rate["peer"]))
        return medians(found[warm_up:])


def databases(goals: Collection[str], *, short: bool) -> Collection[str]:
    """The databases that are compared: a smoke run takes one."""
    return {"PostgreSQL"} if short else set(goals)


def at_once(threads: int) -> str:
    """How many threads, in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def medians(pairs: list[tuple[float, float]]) -> tuple[float, float, float]:
    """The medians of the first, of the second, and of their quotients."""
    ours, peers = zip(*pairs, strict=True)
    ratios = [ours / peer for ours, peer in pairs]
    return statistics.median(ours), statistics.median(peers), statistics.median(ratios)


@contextmanager
def opened(databases: Collection[str], *, memory: bool = False) -> Iterator[Compared]:
    """Start a PostgreSQL server, consoles on these databases, and a process for each side."""
    with ExitStack() as at_end:
        server = at_end.enter_context(running(durable=True))
        consoles = {
            name: at_end.enter_context(console(server if name == "PostgreSQL" else "", "console"))
            for name in databases
        }
        agents = {
            name: at_end.enter_context(side("console", each.address, each.token))
            for name, each in consoles.items()
        }
        peers = {"postgres": at_end.enter_context(side("postgres", database(server, "peer")))}
        if memory:
            peers["memory"] = at_end.enter_context(side("memory"))
        yield Compared(consoles, agents, peers)
