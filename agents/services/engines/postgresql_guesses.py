"""Whole checkpoints in one statement, which PostgreSQL answers as of one moment.

It has the rows of six tables in one form: what kind of row, four integers, three texts, bytes. What
is large is added up in the order of the places, where there is a limit, and only so much is sent:
the bytes of the rest stay in the database, and say so by being NULL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from agents import pipelines
from agents.services.engines import Guess, LeasedRun, LockedThread, Seen, StoredHead, StoredValue

# An array in a SELECT of its own keeps its length from the planner, which else finds that so few
# values deserve a plan of their own, and plans each time: that takes longer than all the rest.
_CHECKPOINTS = """
SELECT 0::int2, t.id, t.part_next, t.part_epoch::int8, NULL::int8,
    t.thread_id::text, a.name::text, NULL::text, NULL::bytea
FROM agents_thread t JOIN agents_agent a ON a.id = t.agent_id
WHERE t.thread_id = ANY((SELECT %b::text[])::text[])
UNION ALL
SELECT 1::int2, r.id, r.thread_id, r.attempt::int8, r.runner_id,
    r.status::text, CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' END, NULL, NULL
FROM agents_run r LEFT JOIN agents_runner w ON w.id = r.runner_id
LEFT JOIN agents_runnertoken k ON k.id = w.token_id
WHERE r.id = ANY((SELECT %b::bigint[])::bigint[])
UNION ALL (
WITH at AS MATERIALIZED (
    SELECT p.place, t.id, p.ns, coalesce(p.checkpoint_id, (
        SELECT max(checkpoint_id) FROM agents_checkpoint WHERE thread_id = t.id AND ns = p.ns
    )) AS checkpoint_id
    FROM unnest((SELECT %b::text[]), (SELECT %b::text[]), (SELECT %b::text[]))
        WITH ORDINALITY AS p(thread, ns, checkpoint_id, place)
    JOIN agents_thread t ON t.thread_id = p.thread
)
SELECT 2::int2, h.place, NULL::int8, NULL::int8, NULL::int8, h.checkpoint_id::text,
    h.parent_id::text, h.metadata::text, CASE WHEN h.upto > %t::int8 THEN NULL ELSE h.document END
FROM (
    SELECT at.place, c.*, sum(octet_length(c.document) + octet_length(c.metadata))
        OVER (ORDER BY at.place) AS upto
    FROM at, LATERAL (
        SELECT checkpoint_id, parent_id, metadata, document FROM agents_checkpoint
        WHERE thread_id = at.id AND ns = at.ns AND checkpoint_id = at.checkpoint_id LIMIT 1
    ) AS c
) AS h
UNION ALL
SELECT 3::int2, w.place, w.form::int8, w.number, NULL::int8,
    w.task_id::text, w.channel::text, w.kind::text,
    CASE WHEN w.upto > %t::int8 THEN NULL ELSE w.data END
FROM (
    SELECT at.place, w.*, row_number() OVER stored AS number,
        sum(octet_length(w.data)) OVER stored AS upto
    FROM at JOIN agents_pendingwrite w
    ON w.thread_id = at.id AND w.ns = at.ns AND w.checkpoint_id = at.checkpoint_id
    WINDOW stored AS (ORDER BY at.place, w.task_path, w.task_id, w.index)
) AS w )
UNION ALL
SELECT 4::int2, b.place, b.form::int8, NULL, NULL,
    b.kind::text, NULL, NULL, CASE WHEN b.upto > %t::int8 THEN NULL ELSE b.data END
FROM (
    SELECT v.place, b.*, sum(octet_length(b.data)) OVER (ORDER BY v.place) AS upto
    FROM unnest(
        (SELECT %b::bigint[]), (SELECT %b::text[]), (SELECT %b::text[]), (SELECT %b::text[])
    ) WITH ORDINALITY AS v(thread, ns, channel, version, place),
    LATERAL (
        SELECT kind, form, data FROM agents_blob WHERE thread_id = v.thread AND ns = v.ns
        AND channel = v.channel AND version = v.version LIMIT 1
    ) AS b
) AS b
UNION ALL
SELECT 5::int2, r.place, p.number, CASE WHEN r.upto > r.most THEN 1 END, NULL,
    NULL, NULL, NULL, p.data
FROM (
    SELECT r.*, sum(r.size) OVER (ORDER BY r.place) AS upto
    FROM (
        SELECT r.*, m.most, CASE WHEN m.most IS NOT NULL THEN (
            SELECT sum(octet_length(data)) FROM agents_part
            WHERE thread_id = r.thread AND seq BETWEEN r.first AND r.last
        ) END AS size
        FROM unnest((SELECT %b::bigint[]), (SELECT %b::bigint[]), (SELECT %b::bigint[]))
            WITH ORDINALITY AS r(thread, first, last, place), (SELECT %t::int8) AS m(most)
    ) AS r
) AS r, LATERAL (
    SELECT count(*) AS number, string_agg(data, ''::bytea ORDER BY seq) AS data FROM agents_part
    WHERE (r.upto > r.most) IS NOT TRUE
    AND thread_id = r.thread AND seq BETWEEN r.first AND r.last
) AS p
"""
_KINDS = 6
_TEXTS, _INTEGERS = partial(pipelines.array, "text"), partial(pipelines.array, "bigint")


def read(
    threads: Collection[str], runs: Collection[int], guesses: Sequence[Guess], size: int | None
) -> tuple[list[LockedThread], list[LeasedRun], list[Seen]]:
    """See `Guesser`."""
    values = [
        (number, guess.thread, guess.at[1], channel, version)
        for number, guess in enumerate(guesses)
        for channel, version in guess.versions.items()
    ]
    parts = [
        (number, guess.thread, run) for number, guess in enumerate(guesses) for run in guess.runs
    ]
    most = None if size is None else str(size)
    parameters = [
        _TEXTS(threads),
        _INTEGERS(runs),
        *(_TEXTS(guess.at[column] for guess in guesses) for column in range(3)),
        *(most, most, most),
        _INTEGERS(thread for _, thread, _, _, _ in values),
        _TEXTS(ns for _, _, ns, _, _ in values),
        _TEXTS(channel for _, _, _, channel, _ in values),
        _TEXTS(version for _, _, _, _, version in values),
        _INTEGERS(thread for _, thread, _ in parts),
        _INTEGERS(first for _, _, (first, _) in parts),
        _INTEGERS(first + count - 1 for _, _, (first, count) in parts),
        most,
    ]
    kinds: list[list[Any]] = [[] for _ in range(_KINDS)]
    for kind, *row in pipelines.rows((_CHECKPOINTS, parameters), binary=True)[0]:
        kinds[kind].append(row)
    found_threads = [
        LockedThread(key, name, agent, part_next, part_epoch)
        for key, part_next, part_epoch, _, name, agent, _, _ in kinds[0]
    ]
    found_runs = [
        LeasedRun(key, thread, status, attempt, runner, revoked is not None)
        for key, thread, attempt, runner, status, revoked, _, _ in kinds[1]
    ]
    seen = [Seen() for _ in guesses]
    for place, _, _, _, checkpoint_id, parent_id, metadata, document in kinds[2]:
        if seen[place - 1].brought(document):
            seen[place - 1].head = StoredHead(checkpoint_id, parent_id, document, metadata)
    for place, form, _, _, task_id, channel, kind, data in sorted(kinds[3], key=_number):
        if seen[place - 1].brought(data):
            seen[place - 1].writes.append(StoredValue((task_id, channel), kind, form, data))
    for place, form, _, _, kind, _, _, data in kinds[4]:
        number, _, _, channel, version = values[place - 1]
        if seen[number].brought(data):
            seen[number].values.append(StoredValue((channel, version), kind, form, data))
    for place, count, is_too_large, _, _, _, _, data in kinds[5]:
        number, _, run = parts[place - 1]
        if is_too_large:
            seen[number].is_whole = False
        elif count == run[1]:
            seen[number].runs[run] = data
    return found_threads, found_runs, seen


def _number(row: Sequence[Any]) -> int:
    number: int = row[2]
    return number
