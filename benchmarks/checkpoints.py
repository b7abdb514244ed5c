"""Checkpoints a second: agents of ten steps, alone and fifty at once.

`python -m benchmarks.checkpoints` compares, in turn and on one PostgreSQL server with its own
defaults (fsync on), a runner's client that saves through a console (with authorisation, fencing,
the gate and the effect journal) and `AsyncPostgresSaver` with a pool of ten connections; and the
same for a console on SQLite. `small` has short channels, `chat` has messages of 1 kB and calls a
tool at every other step.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks import comparison
from benchmarks.row import Row, main

GOALS = {  # database, threads at once → at least, aimed at
    ("PostgreSQL", 1): (0.8, 1.2),
    ("PostgreSQL", 50): (2.5, 3.5),
    ("SQLite", 1): (1.2, None),
    ("SQLite", 50): (3.0, None),
}


def rows(short: bool) -> Iterator[Row]:
    """Measure steps a second."""
    databases = comparison.databases([database for database, _ in GOALS], short=short)
    with comparison.opened(databases) as compared:
        for (database, threads), (goal, aim) in GOALS.items():
            if database not in databases:
                continue
            for agent in ("small", "chat"):
                rounds, repetitions = (1, 1) if short else (max(1, 10 // threads), 7)
                ours, peer, ratio = compared.rates(
                    database, agent, threads * rounds, repetitions,
                    ("steps", agent, threads, rounds, 5),
                )  # fmt: skip
                name = f"steps/s, {agent}, {comparison.at_once(threads)}, {database}"
                yield Row(name, ours, peer, ratio, goal, aim, unit="/s")


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
