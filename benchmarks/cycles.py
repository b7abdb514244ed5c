"""Cycles a second: an agent runs to a question, is answered, and runs to its end.

`python -m benchmarks.cycles` compares a runner's client that saves through a console, under the
lease of a run, with `AsyncPostgresSaver` on the same PostgreSQL server, alone and fifty at once;
the same for a console on SQLite; and both with LangGraph's saver in memory, which is what LangGraph
itself costs. Measured is the path of checkpoints: what people do in between is not in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks import comparison
from benchmarks.row import Row, main

GOALS = {  # database, threads at once, peer → at least, aimed at
    ("PostgreSQL", 1, "postgres"): (0.7, None),
    ("PostgreSQL", 50, "postgres"): (2.5, None),
    ("SQLite", 1, "postgres"): (1.2, None),
    ("SQLite", 50, "postgres"): (3.0, None),
    ("PostgreSQL", 50, "memory"): (0.65, 0.8),
    ("SQLite", 50, "memory"): (0.65, 0.8),
}


def rows(short: bool) -> Iterator[Row]:
    """Measure cycles a second."""
    databases = comparison.databases([database for database, _, _ in GOALS], short=short)
    with comparison.opened(databases, memory=True) as compared:
        for (database, threads, peer), (goal, aim) in GOALS.items():
            if database not in databases:
                continue
            each, repetitions = (1, 1) if short else (20 if threads == 1 else 2, 7)
            ours, theirs, ratio = compared.rates(
                database, "asking", threads * each, repetitions, ("cycles", threads, each), peer
            )
            against = "" if peer == "postgres" else ", against memory"
            name = f"cycles/s, {comparison.at_once(threads)}, {database}{against}"
            yield Row(name, ours, theirs, ratio, goal, aim, unit="/s")


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
