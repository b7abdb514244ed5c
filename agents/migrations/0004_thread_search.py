"""The list of threads: an index of words, one of each filter; why a thread was copied."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import agents.models.thread_search
from agents.reviews.search_words import search_words

AT_ONCE = 20  # snapshots held in memory: each may be tens of megabytes

# A generated column, since an index over an expression would compute it again for each row it checks.
MAKE = {
    "postgresql": (
        "ALTER TABLE agents_threadwords ADD COLUMN vector tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(string_to_array(words, ' '))) STORED",
        "CREATE INDEX thread_words ON agents_threadwords USING gin (vector)",
    ),
    "sqlite": (
        "CREATE VIRTUAL TABLE agents_threadwords_index USING fts5("
        "words, content='agents_threadwords', content_rowid='thread_id', "
        """tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* Co' tokenchars '_'")""",
        "CREATE TRIGGER agents_threadwords_inserted AFTER INSERT ON agents_threadwords BEGIN"
        " INSERT INTO agents_threadwords_index(rowid, words) VALUES (new.thread_id, new.words); END",
        "CREATE TRIGGER agents_threadwords_deleted AFTER DELETE ON agents_threadwords BEGIN"
        " INSERT INTO agents_threadwords_index(agents_threadwords_index, rowid, words)"
        " VALUES ('delete', old.thread_id, old.words); END",
        "CREATE TRIGGER agents_threadwords_updated AFTER UPDATE ON agents_threadwords BEGIN"
        " INSERT INTO agents_threadwords_index(agents_threadwords_index, rowid, words)"
        " VALUES ('delete', old.thread_id, old.words);"
        " INSERT INTO agents_threadwords_index(rowid, words) VALUES (new.thread_id, new.words); END",
    ),
}
DROP: dict[str, tuple[str, ...]] = {
    "postgresql": (),  # both go with the table
    "sqlite": (
        "DROP TRIGGER agents_threadwords_inserted",
        "DROP TRIGGER agents_threadwords_deleted",
        "DROP TRIGGER agents_threadwords_updated",
        "DROP TABLE agents_threadwords_index",
    ),
}


def make_index(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in MAKE[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def drop_index(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def index_threads(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Thread, ThreadWords = (apps.get_model("agents", name) for name in ("Thread", "ThreadWords"))
    threads = Thread.objects.only("thread_id", "title", "metadata", "snapshot").order_by("pk")
    after = 0
    while found := list(threads.filter(pk__gt=after)[:AT_ONCE]):
        after = found[-1].pk
        rows = [ThreadWords(thread=thread, words=_words(thread)) for thread in found]
        ThreadWords.objects.bulk_create(rows)


def _words(thread: Any) -> str:
    return search_words(
        thread_id=thread.thread_id,
        title=thread.title,
        metadata=thread.metadata,
        snapshot=thread.snapshot,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0003_time_travel"),
    ]

    operations = [
        migrations.CreateModel(
            name="ThreadWords",
            fields=[
                (
                    "thread",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="searched",
                        serialize=False,
                        to="agents.thread",
                    ),
                ),
                ("words", agents.models.thread_search.WordsField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name="thread",
            name="thread_by_agent",
        ),
        migrations.AddField(
            model_name="thread",
            name="copied_because",
            field=models.TextField(blank=True),
        ),
        migrations.AddIndex(
            model_name="thread",
            index=models.Index(fields=["agent", "-updated_at", "-id"], name="thread_by_agent"),
        ),
        migrations.AddIndex(
            model_name="thread",
            index=models.Index(fields=["status", "-updated_at", "-id"], name="thread_by_status"),
        ),
        migrations.AddIndex(
            model_name="thread",
            index=models.Index(
                fields=["agent", "status", "-updated_at", "-id"], name="thread_by_agent_and_status"
            ),
        ),
        migrations.AddIndex(
            model_name="thread",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["-updated_at", "-id"],
                name="thread_deleted",
            ),
        ),
        migrations.RunPython(make_index, drop_index),
        # Last: PostgreSQL changes no table to which the transaction has added rows.
        migrations.RunPython(index_threads, migrations.RunPython.noop),
    ]
