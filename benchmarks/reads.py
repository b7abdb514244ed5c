"""How long it takes to read a thread with 200 messages of 1 kB: `get_tuple`, one at a time.

`python -m benchmarks.reads` compares reading through a console with `AsyncPostgresSaver`, in turn.
A ratio above 1 says that reading through the console is faster.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks import comparison
from benchmarks.row import Row, main

MESSAGES = 200
GOALS = {"PostgreSQL": (0.9, 1.1), "SQLite": (0.9, 1.1)}


def rows(short: bool) -> Iterator[Row]:
    """Measure milliseconds a read."""
    count, repetitions = (3, 1) if short else (40, 7)
    databases = comparison.databases(GOALS, short=short)
    with comparison.opened(databases) as compared:
        for database in databases:
            goal, aim = GOALS[database]
            pairs = []
            for number in range(repetitions + 1):
                compared.consoles[database].queue("chat", 1)
                sides = [compared.agents[database], compared.peers["postgres"]]
                order = ("reads", MESSAGES, count)
                turn = sides if number % 2 else sides[::-1]
                took = {side: statistics.median(side.do(*order)) * 1000 for side in turn}
                pairs.append((took[sides[0]], took[sides[1]]))
            ours, peer, ratio = comparison.medians([(b, a) for a, b in pairs[1:]])
            name = f"get_tuple, {MESSAGES} messages, {database}"
            yield Row(name, peer, ours, ratio, goal, aim, unit="ms")


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
