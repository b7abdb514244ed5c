"""A paused thread costs the runner nothing: what it needs is in the console.

The runner's memory when it has gone through a few pauses and is idle, against the same process when
a thousand more threads have paused. Resident memory, as the kernel tells it.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.installation import installation
from benchmarks.row import Row, main
from reviewconsole.protocol.plain import Plain

FIRST = 100  # pauses until the runner is what it is when it works: modules, pools, caches
PATIENCE = 600.0  # seconds


def resident(pid: int) -> float:
    """The resident memory of a process in MB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None  # noqa: S101 -- Linux tells it of every process
    return int(found[1]) / 1024


def pause(count: int) -> None:
    """Start so many threads, and return when all of them have paused."""
    from agents.models import Interrupt  # noqa: PLC0415 -- after `django.setup`
    from agents.services import runs  # noqa: PLC0415

    wanted = Interrupt.objects.count() + count
    for number in range(count):
        said: Plain = {"messages": [{"role": "user", "content": f"subject-{number}"}]}
        runs.start(agent="reviewed", input=said, user=None)
    deadline = time.monotonic() + PATIENCE
    while Interrupt.objects.count() < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count} threads have not paused within {PATIENCE} s")
        time.sleep(0.2)


def rows(short: bool) -> Iterator[Row]:
    """One row; MB."""
    first, more = (5, 20) if short else (FIRST, 1000)
    with installation() as house:
        runner = house.runner(house.console(), NOTES=str(house.folder / "notes"))
        assert runner.popen is not None  # noqa: S101 -- it was started
        pause(first)
        time.sleep(1)  # the last run reports and ends
        idle = resident(runner.popen.pid)
        pause(more)
        time.sleep(1)
        paused = resident(runner.popen.pid)
    yield Row(
        f"runner memory with {more:,} paused threads (against idle)",
        ours=paused,
        peer=idle,
        ratio=paused / idle,
        goal=1.05,
        wanted="at most",
        unit="MB",
    )


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
