"""The table of figures: every benchmark after the other, each in a process of its own.

`python -m benchmarks` takes some twenty minutes; `--short` runs all of them in tiny sizes, which
says that they work and nothing else.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from multiprocessing.connection import Connection

from benchmarks.row import Row

PROGRAMS = (
    "checkpoints",
    "cycles",
    "reads",
    "stored_bytes",
    "latency",
    "development_server",
    "fan_out",
    "many_pauses",
    "runner_memory",
)
HEAD = "| what | ours | against | ratio | goal | aim | reached |\n|---|---|---|---|---|---|---|\n"


def measure(program: str, short: bool, told: Connection) -> None:
    """Send the rows of a program as they come; at the end, None."""
    for row in import_module(f"benchmarks.{program}").rows(short):
        told.send(row)
    told.send(None)


def rows(program: str, *, short: bool) -> Iterator[Row]:
    """Run a program in a process of its own, which has its own Django and its own database.

    Raises:
        EOFError: it failed; standard error says why.
    """
    here, there = multiprocessing.Pipe(duplex=False)
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=measure, args=(program, short, there), name=program)
    process.start()
    there.close()
    try:
        while (row := here.recv()) is not None:
            yield row
    finally:
        process.join()


def _table(program: str, *, short: bool) -> list[Row] | None:
    """Print the rows of a program as they come; None where it failed."""
    measured = []
    try:
        for row in rows(program, short=short):
            sys.stdout.write(f"| {row} | {'yes' if row.is_reached else 'no'} |\n")
            sys.stdout.flush()
            measured.append(row)
    except EOFError:
        return None
    return measured


def main() -> int:
    """Print the table; 1 where a program failed, and with `--strict` where a goal is missed."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--short", action="store_true", help="tiny sizes, figures of no worth")
    options.add_argument("--strict", action="store_true", help="fail where a goal is not reached")
    options.add_argument("--only", choices=PROGRAMS, action="append", help="these programs alone")
    asked = options.parse_args()
    failed, missed = [], []
    programs = asked.only or PROGRAMS
    sys.stdout.write(HEAD)
    # What is measured has the machine for itself; where nothing is, two share it.
    with ThreadPoolExecutor(2 if asked.short else 1) as pool:
        tables = pool.map(lambda program: _table(program, short=asked.short), programs)
        for program, measured in zip(programs, tables, strict=True):
            if measured is None:
                failed.append(program)
            else:
                missed += [row.name for row in measured if not row.is_reached]
    if failed:
        sys.stdout.write(f"\nFailed: {', '.join(failed)}\n")
    return 1 if failed or (asked.strict and missed) else 0
