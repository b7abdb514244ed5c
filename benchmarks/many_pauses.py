"""The inbox and a decision cost the same, however many pauses wait.

Two databases on one PostgreSQL server, one with 1,000 pending pauses and one with a million, each
behind a console of its own; both are asked in turn, as a person asks: with session, roles and
template. A decision is the page of a pause, read, and its form, sent.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import psycopg

from benchmarks.many_threads import build
from benchmarks.row import Row, main
from tests.postgres import running

WARM_UP = 3
ASKED = ("inbox page", "decision")


def work(url: str, pauses: int, ends: Connection) -> None:
    """Be a console on the database at `url`: build it, then answer how long each thing takes."""
    os.environ.update(
        DATABASE_URL=url, DEBUG="0", DJANGO_SETTINGS_MODULE="tests.settings", LOG_LEVEL="ERROR"
    )
    import django  # noqa: PLC0415 -- a process has one database
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)
    build(pauses, pending=pauses)
    from agents.models import Interrupt  # noqa: PLC0415 -- after `django.setup`
    from agents.roles import REVIEWERS  # noqa: PLC0415
    from tests.conftest import person  # noqa: PLC0415
    from tests.pauses.html_forms import forms  # noqa: PLC0415

    client = Client(headers={"host": "localhost"})
    client.force_login(person("alice", REVIEWERS))
    waiting = Interrupt.objects.pending().values_list("pk", flat=True).order_by("pk")
    ends.send(waiting.count())
    # Spread over all of them: neighbours would be found in the memory of the one before.
    step = max(pauses // 1000, 1)
    candidates = iter(list(waiting[::step]))

    def show_inbox() -> bool:
        return client.get("/").content.count(b'class="row"') >= 50

    def decide() -> bool:
        pk = next(candidates)
        page = client.get(f"/interrupts/{pk}/").content.decode()
        (form,) = [each for each in forms(page) if each.action.endswith("/decide/")]
        sent = dict(form.filled({"questions.0.actions.0.answer": "yes"}))
        answer = client.post(form.action, sent)
        return answer.status_code == 302 and answer["Location"] == f"/interrupts/{pk}/"

    things = dict(zip(ASKED, (show_inbox, decide), strict=True))
    while (asked := ends.recv()) is not None:
        begun = time.perf_counter()
        went_well = things[asked]()
        ends.send((time.perf_counter() - begun, went_well))


@contextmanager
def console(server: str, pauses: int) -> Iterator[Connection]:
    """A process with a database of that many pending pauses; its end of the talk."""
    name = f"pauses_{pauses}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = server.replace("/postgres?", f"/{name}?")
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(url, pauses, there))
    process.start()
    there.close()
    try:
        if (found := here.recv()) != pauses:
            sys.exit(f"{found} of {pauses} pauses wait")
        yield here
        here.send(None)
    finally:
        process.join(10)
        process.kill()


def rows(short: bool) -> Iterator[Row]:
    """The inbox page, and a decision."""
    few, many, rounds = (100, 200, 3) if short else (1_000, 1_000_000, 40)
    with (
        running() as server,
        console(server, few) as small,
        console(server, many) as large,
    ):
        for asked in ASKED:
            pairs = [(_time(large, asked), _time(small, asked)) for _ in range(WARM_UP + rounds)]
            pairs = pairs[WARM_UP:]
            yield Row(
                f"{asked} with {many:,} pending pauses (against {few:,})",
                ours=statistics.median(ours for ours, _ in pairs) * 1000,
                peer=statistics.median(peer for _, peer in pairs) * 1000,
                ratio=statistics.median(ours / peer for ours, peer in pairs),
                goal=1.5,
                wanted="at most",
                unit="ms",
            )


def _time(console: Connection, asked: str) -> float:
    console.send(asked)
    took, went_well = console.recv()
    if not went_well:
        sys.exit(f"{asked}: the console answered something else")
    return float(took)


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
