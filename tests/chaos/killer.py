"""The killer: ends processes with SIGKILL at random, or has them stand still; they come back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from random import Random

from tests.chaos.world import LEASE_SECONDS, World
from tests.processes import Process

LONGEST_GONE = 2.0  # seconds
BOTH = 0.15  # of the kills: something else is killed while the first is gone


class Killer:
    """Kills, waits, starts again."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self.kills: Counter[str] = Counter()
        self.stops: Counter[str] = Counter()

    def strike(self) -> None:
        """Kill something, at times two things at once; start it again a little later.

        Returns as soon as it was started: it may not be ready when the next blow comes.
        """
        revive = [self._kill()]
        if self._chance.random() < BOTH:
            revive.append(self._kill())
        for start in revive:
            time.sleep(self._chance.uniform(0, LONGEST_GONE))
            start()

    def freeze(self) -> None:
        """Have a process stand still, sometimes for longer than a lease, and go on."""
        name, process = self._chance.choice(
            [*self._world.runners.items(), ("console", self._world.console)]
        )
        if not process.is_alive:
            return
        self.stops[name] += 1
        self._world.stop_clock(process)
        time.sleep(self._chance.uniform(0.5, 1.6 * LEASE_SECONDS))
        self._world.start_clock(process)

    def _kill(self) -> Callable[[], object]:
        world = self._world
        victims: dict[str, int] = {"console": 4} | dict.fromkeys(world.runners, 3)
        if world.server is not None:
            victims |= {"PostgreSQL": 3, "a backend": 2}
        (name,) = self._chance.choices([*victims], [*victims.values()])
        if name == "a backend":
            assert world.server is not None
            self.kills[name] += world.server.kill_backend(self._chance)
            return lambda: None
        if name in world.runners:
            return self._end(name, world.runners[name], lambda: self._born(name))
        if name == "console":
            return self._end(name, world.console, lambda: self._start(world.console))
        assert world.server is not None
        server = world.server
        return self._end(name, server, lambda: server.is_alive or server.start())

    def _end(
        self, name: str, process: Process, again: Callable[[], object]
    ) -> Callable[[], object]:
        if process.is_alive:
            self.kills[name] += 1
            process.kill()
        return again

    def _start(self, process: Process) -> None:
        if not process.is_alive:
            process.start(ready=False)

    def _born(self, name: str) -> None:
        if not self._world.runners[name].is_alive:
            self._world.born(name)
