"""One line of the table of figures: what was measured, against what, and what was promised."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One figure and its promise.

    `ratio` is the median of the ratios of single repetitions, so it need not be the quotient of the
    medians `ours` and `peer`. `wanted` says whether a promise is kept from above or from below.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    goal: float
    aim: float | None = None
    wanted: Literal["at least", "at most"] = "at least"
    unit: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether the goal is kept."""
        return self.ratio >= self.goal if self.wanted == "at least" else self.ratio <= self.goal

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        aim = "-" if self.aim is None else f"{self.aim:g}"
        return " | ".join(
            (
                self.name,
                f"{self.ours:.4g}{unit}",
                f"{self.peer:.4g}{unit}",
                f"{self.ratio:.3g}",
                f"{self.wanted} {self.goal:g}",
                aim,
            )
        )


def main(rows: Callable[[bool], Iterable[Row]], description: str | None) -> int:
    """Be the program of a benchmark: print its rows as they come; 1 where a goal is not reached."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--short", action="store_true", help="a smoke run of seconds")
    asked = options.parse_args()
    # Also who is told to stop takes the servers away that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    reached = True
    for row in rows(asked.short):
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
        reached = reached and row.is_reached
    return 0 if reached or asked.short else 1
