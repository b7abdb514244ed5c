"""What a console's database holds, in bytes: read inside the operator's process."""

from __future__ import annotations

KEPT = ("checkpoint", "blob", "part", "pendingwrite", "effect", "effectresult")


def thread_ids(agent: str) -> list[str]:
    """The threads of an agent, oldest first."""
    from agents.models import Thread  # noqa: PLC0415 -- after `django.setup`

    rows = Thread.objects.filter(agent__name=agent).order_by("pk")
    return list(rows.values_list("thread_id", flat=True))


def of_tables() -> dict[str, int]:
    """The size of the checkpoint store's and the journal's tables, with their indexes."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            return {"the file": int(cursor.fetchone()[0])}
        cursor.execute("VACUUM")  # as PostgreSQL does by itself, sooner or later
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relname = ANY(%s)",
            [[f"agents_{name}" for name in KEPT]],
        )
        return {str(name): int(size) for name, size in cursor.fetchall()}
