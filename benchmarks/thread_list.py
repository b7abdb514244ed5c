"""The list of threads costs the same, however many threads there are.

`python -m benchmarks.thread_list --large 1000000` builds two databases on one PostgreSQL server of
its own, one of 1,000 threads and one of as many as asked (with five checkpoints each), and asks the
real page of both in turn: as a person sees it, with session, roles and template. It prints the
medians and their ratio, and fails where one exceeds 1.5.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from urllib.parse import urlencode

import psycopg

from benchmarks.many_threads import RARE_WORD, REVIEWER, build, thread_id
from tests.postgres import running

GOAL = 1.5
WARM_UP = 5

# Where there are enough threads, both databases fill the page: equal work but for the search.
PAGES = {
    "first page": {},
    "second page": {"before": "next"},
    "a page in the middle": {"before": "middle"},
    "one of five agents": {"agent": "agent-03"},
    "failed (a third)": {"status": "error"},
    "failed, of one agent": {"agent": "agent-03", "status": "error"},
    "decided by one of five people": {"by": REVIEWER},
    "a month": {"from": "2026-03-01", "to": "2026-03-31"},
    "a word in 30 threads": {"q": RARE_WORD},
    "a word in every thread": {"q": "hello"},
    "a word in a tenth of them": {"q": "tenth"},
    "a word in a tenth, of one agent": {"q": "tenth", "agent": "agent-03"},
    "a word in no thread": {"q": "nowhere"},
    "one thread by its id": {"q": thread_id(500)},
}


def visit(url: str, threads: int, ends: Connection) -> None:
    """Be a console on the database at `url`: build it, then answer how long each page takes."""
    os.environ.update(
        DATABASE_URL=url, DEBUG="0", DJANGO_SETTINGS_MODULE="tests.settings", LOG_LEVEL="ERROR"
    )
    import django  # noqa: PLC0415 -- a process has one database
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)
    visitor, places = build(threads)
    client = Client(headers={"host": "localhost"})
    client.force_login(visitor)
    ends.send(threads)
    while (asked := ends.recv()) is not None:
        query = asked | ({"before": places[asked["before"]]} if "before" in asked else {})
        begun = time.perf_counter()
        answer = client.get(f"/threads/?{urlencode(query)}")
        took = time.perf_counter() - begun
        ends.send((took, answer.status_code, answer.content.count(b'class="row"')))


@contextmanager
def console(server: str, name: str, threads: int) -> Iterator[Connection]:
    """A process with a database of that many threads; its end of the talk."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = server.replace("/postgres?", f"/{name}?")
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=visit, args=(url, threads, there))
    process.start()
    try:
        here.recv()
        yield here
        here.send(None)
    finally:
        process.join(10)
        process.kill()


def measure(small: Connection, large: Connection, rounds: int) -> Iterator[tuple[str, str, float]]:
    """Ask each page of both in turn; yield its line and its ratio."""
    for page, query in PAGES.items():
        times: tuple[list[float], list[float]] = ([], [])
        rows = [0, 0]
        for number in range(WARM_UP + rounds):
            for which, ends in enumerate((small, large)):
                ends.send(query)
                took, status, rows[which] = ends.recv()
                if status != 200:
                    sys.exit(f"{page}: the console answered {status}")
                if number >= WARM_UP:
                    times[which].append(took)
        few, many = (statistics.median(each) * 1000 for each in times)
        ratio = many / few
        line = f"| {page} | {few:.1f} | {many:.1f} | {ratio:.2f} | {rows[0]} / {rows[1]} |"
        yield page, line, ratio


def main() -> int:
    """Build both, measure, print a table; 1 where a ratio exceeds the goal."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", type=int, default=1_000, help="threads (default 1,000)")
    options.add_argument("--large", type=int, default=10_000, help="threads (default 10,000)")
    options.add_argument("--rounds", type=int, default=40, help="of each page (default 40)")
    asked = options.parse_args()
    slow = []
    with (
        running() as server,
        console(server, "small", asked.small) as small,
        console(server, "large", asked.large) as large,
    ):
        sys.stdout.write(
            f"| page | {asked.small:,} threads, ms | {asked.large:,} threads, ms | ratio | rows |\n"
            "|---|---|---|---|---|\n"
        )
        for page, line, ratio in measure(small, large, asked.rounds):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            if ratio > GOAL:
                slow.append(page)
    if slow:
        sys.stdout.write(f"More than {GOAL} times as slow: {', '.join(slow)}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
