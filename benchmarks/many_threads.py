"""A database of many threads, made inside PostgreSQL: a million in a few minutes."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from django.contrib.auth.models import User

RARE_WORD = "zanzibar"
REVIEWER = "reviewer-3"
REVIEWERS = 5
AGENTS = 5
PENDING = 100  # what waits for people does not grow with what is kept

# The order of the list has nothing to do with the order on the disk: 7919 is prime.
THREADS = """
INSERT INTO agents_thread (thread_id, agent_id, title, status, snapshot_checkpoint_id, metadata,
    copied_checkpoint_id, copied_because, created_at, updated_at, part_next, part_epoch)
SELECT md5(i::text)::uuid::text, (SELECT min(id) FROM agents_agent) + i %% %(agents)s,
    'Order ' || i, CASE WHEN i <= %(pending)s THEN 'interrupted' WHEN i / %(agents)s %% 3 = 0
    THEN 'error' ELSE 'idle' END, '', '{}', '', '', '2026-01-01',
    '2026-06-01 00:00:00Z'::timestamptz
    - make_interval(secs => (i::bigint * 7919 %% %(n)s) * 180.0 * 86400 / %(n)s), 0, 0
FROM generate_series(1, %(n)s) AS i
"""
WORDS = """
INSERT INTO agents_threadwords (thread_id, words)
SELECT id, 'order ' || i || ' hello ' || replace(thread_id, '-', ' ')
    || CASE WHEN i %% (%(n)s / 30) = 0 THEN ' ' || %(rare)s ELSE '' END
    || CASE WHEN i %% 10 = 3 THEN ' tenth' ELSE '' END
    || (SELECT string_agg(' w' || (power(hashint8(i * 64 + k) / 4294967296.0 + 0.5, 3) * 5000)::int,
        '') FROM generate_series(1, 40) AS k)
FROM (SELECT id, thread_id, row_number() OVER (ORDER BY id) AS i FROM agents_thread) AS numbered
"""
RUNS = """
INSERT INTO agents_run (thread_id, trigger, status, created_at, interrupt_before, interrupt_after,
    recursion_limit, from_checkpoint_id, from_ns, from_next, as_node, stays, reason, attempt,
    checkpoint_id, next, error, message, traceback, refused)
SELECT id, 'start', 'interrupted', created_at, '[]', '[]', 100, '', '', '[]', '', false, '', 1,
    '', '[]', '', '', '', ''
FROM agents_thread ORDER BY id
"""
INTERRUPTS = """
INSERT INTO agents_interrupt (run_id, thread_id, position, kind, status, created_at, checkpoint_id,
    interrupt_id, task_id, ns, node, value, fingerprint, digest, dialect, headline, actions,
    call_ids, moving)
SELECT id, thread_id, 0, 'interrupt', CASE WHEN row_number() OVER (ORDER BY id) <= %(pending)s
    THEN 'pending' ELSE 'applied' END, created_at, md5(id::text), md5(id::text), '', '', 'tools',
    '{"query":"May I?"}', md5(id::text), md5(id::text), 'question', 'May I?', 1, '[]', '[]'
FROM agents_run WHERE id %% 2 = 0 OR id <= %(pending)s
"""
DECISIONS = """
INSERT INTO agents_decision (interrupt_id, decided_by_id, decided_at, fingerprint, actions, "then",
    moving, summary, status)
SELECT id, (SELECT min(id) FROM auth_user WHERE username LIKE 'reviewer-%%')
    + (id / 7) %% %(reviewers)s, created_at, fingerprint, '[]', 'run', '[]', 'yes', 'applied'
FROM agents_interrupt WHERE status = 'applied'
"""
CHECKPOINTS = """
INSERT INTO agents_checkpoint (thread_id, ns, checkpoint_id, parent_id, document, metadata,
    created_at)
SELECT id, '', '1efc0000-0000-6000-8000-' || lpad(k::text, 12, '0'), CASE WHEN k > 1 THEN
    '1efc0000-0000-6000-8000-' || lpad((k - 1)::text, 12, '0') END,
    decode(repeat(md5((id * 5 + k)::text), 8), 'hex'), '{"source":"loop","step":' || k || '}',
    created_at
FROM agents_thread, generate_series(1, 5) AS k
"""


def thread_id(number: int) -> str:
    """The id of a thread, as `THREADS` makes it."""
    return str(UUID(md5(str(number).encode(), usedforsecurity=False).hexdigest()))


def build(threads: int, pending: int = PENDING) -> tuple[User, dict[str, str]]:
    """Fill the migrated database; return who looks, and the places where pages begin.

    Every thread has a run and five checkpoints, half of them a decided question; the first
    `pending` of them have one that waits.
    """
    from django.contrib.auth.models import Group, User  # noqa: PLC0415 -- after `django.setup`
    from django.db import connection  # noqa: PLC0415

    from agents.models import Agent, Thread  # noqa: PLC0415
    from agents.roles import OPERATORS  # noqa: PLC0415

    visitor = User.objects.create_user("olga")
    visitor.groups.add(Group.objects.get(name=OPERATORS))
    User.objects.bulk_create(User(username=f"reviewer-{each}") for each in range(REVIEWERS))
    Agent.objects.bulk_create(Agent(name=f"agent-{each:02}") for each in range(AGENTS))
    sizes: dict[str, int | str] = {
        "n": threads,
        "agents": AGENTS,
        "pending": pending,
        "rare": RARE_WORD,
        "reviewers": REVIEWERS,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        # What is made here refers to what is there: checking ten million references takes minutes.
        cursor.execute("SET session_replication_role = replica")
        # Built at the end: an index of words that grows row by row takes several times as long.
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'thread_words'")
        (definition,) = cursor.fetchone()
        cursor.execute("DROP INDEX thread_words")
        for statement in (THREADS, WORDS, RUNS, INTERRUPTS, DECISIONS, CHECKPOINTS):
            cursor.execute(statement, sizes)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute(definition)
        cursor.execute("VACUUM ANALYZE")
    newest = Thread.objects.order_by("-updated_at", "-pk")
    rows = {"next": newest[49], "middle": newest[threads // 2]}
    return visitor, {name: f"{row.updated_at.isoformat()},{row.pk}" for name, row in rows.items()}
