"""Time travel: replays and forks, progress, what a checkpoint costs, deleted threads."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0002_every_pause"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Progress",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="progress",
                        serialize=False,
                        to="agents.run",
                    ),
                ),
                ("step", models.IntegerField(null=True)),
                ("nodes", models.JSONField(default=list)),
                ("text", models.TextField(blank=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.AddField(
            model_name="checkpoint",
            name="stored_bytes",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="interrupt",
            name="superseded_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="superseded",
                to="agents.run",
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="as_node",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name="run",
            name="from_checkpoint_id",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="run",
            name="from_next",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="run",
            name="from_ns",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="run",
            name="reason",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="run",
            name="revises",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="revised_by",
                to="agents.interrupt",
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="stays",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="run",
            name="update",
            field=agents.models.fields.PlainField(null=True),
        ),
        migrations.AddField(
            model_name="thread",
            name="copied_checkpoint_id",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="thread",
            name="copied_from",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="copies",
                to="agents.thread",
            ),
        ),
        migrations.AddField(
            model_name="thread",
            name="deleted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="thread",
            name="deleted_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="thread",
            name="metadata",
            field=agents.models.fields.PlainField(default=dict),
        ),
        migrations.AlterField(
            model_name="run",
            name="status",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("interrupted", "Interrupted"),
                    ("succeeded", "Succeeded"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="queued",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("start", "Start"),
                    ("resume", "Resume"),
                    ("ask_again", "Ask Again"),
                    ("replay", "Replay"),
                    ("fork", "Fork"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="callverdict",
            index=models.Index(fields=["tool", "thread"], name="verdict_of_tool"),
        ),
    ]
