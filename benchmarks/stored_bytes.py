"""What a chat with tools takes on the disk: turns of two messages of 1 kB, on PostgreSQL.

`python -m benchmarks.stored_bytes` runs the same agent through a console and on
`AsyncPostgresSaver`, each time on databases of their own, and compares what their tables take, with
indexes and, of ours, the effect journal. Texts that compress well, and such that hardly do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg

from benchmarks.consoles import console, database
from benchmarks.row import Row, main
from benchmarks.sides import side
from tests.postgres import running

GOALS = {50: 0.12, 200: 0.035}  # turns → at most so many times the bytes
LINEAR = (50, 500, 12.0)  # so many turns more take at most so many times the bytes
THREADS = {50: 10, 200: 4, 500: 2}  # enough that the rounding of pages does not count
PEER = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def rows(short: bool) -> Iterator[Row]:
    """Measure kilobytes a thread."""
    with running(durable=True) as server:
        for kind, compressible in (("text", True), ("incompressible", False)):
            kept: dict[int, float] = {}
            for turns, goal in ({10: 1.0} if short else GOALS).items():
                kept[turns] = ours(server, turns, compressible=compressible)
                peer = theirs(server, turns, compressible=compressible)
                ratio = kept[turns] / peer
                name = f"bytes, {turns} turns, {kind}"
                yield Row(name, kept[turns], peer, ratio, goal, wanted="at most", unit="kB")
            if not short:
                few, many, goal = LINEAR
                long = ours(server, many, compressible=compressible)
                name = f"bytes, {many} turns against {few}, {kind}"
                ratio = long / kept[few]
                yield Row(name, long, kept[few], ratio, goal, wanted="at most", unit="kB")


def ours(server: str, turns: int, *, compressible: bool) -> float:
    """Kilobytes a thread through a console."""
    name = f"ours_{turns}_{'text' if compressible else 'random'}"
    count = THREADS.get(turns, 2)
    with console(server, name) as kept, side("console", kept.address, kept.token) as agent:
        before = sum(kept.ask("bytes").values())
        kept.queue("chat", count)
        agent.do("chats", count, turns, compressible)
        agent.do("chats", 0, 1, compressible)  # the runs end, and their results are not kept on
        after = sum(kept.ask("bytes").values())
    return float(after - before) / count / 1000


def theirs(server: str, turns: int, *, compressible: bool) -> float:
    """Kilobytes a thread on LangGraph's own saver."""
    count = THREADS.get(turns, 2)
    with ExitStack() as at_end:
        url = database(server, f"peer_{turns}_{'text' if compressible else 'random'}")
        agent = at_end.enter_context(side("postgres", url))
        connection = at_end.enter_context(psycopg.connect(url, autocommit=True))
        before = _size(connection)
        agent.do("chats", count, turns, compressible)
        connection.execute("VACUUM")
        return (_size(connection) - before) / count / 1000


def _size(connection: psycopg.Connection) -> int:
    found = connection.execute(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname = ANY(%s)",
        [list(PEER)],
    ).fetchone()
    return int(found[0]) if found else 0


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
