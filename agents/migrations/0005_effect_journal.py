"""The effect journal: every tool call that ran, and what came of it; tools that may run twice."""

import django.db.models.deletion
from django.db import migrations, models

import agents.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0004_thread_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="Effect",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=64)),
                ("number", models.PositiveIntegerField(default=1)),
                ("execution", models.CharField(max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("started", "Started"),
                            ("finished", "Finished"),
                            ("failed", "Failed"),
                            ("paused", "Paused"),
                            ("untouched", "Untouched"),
                            ("in_doubt", "In Doubt"),
                            ("given", "Given"),
                        ],
                        default="started",
                        max_length=16,
                    ),
                ),
                ("attempt", models.PositiveIntegerField()),
                ("ns", models.TextField(blank=True)),
                ("tool", models.CharField(max_length=255)),
                ("call_id", models.CharField(blank=True, max_length=255)),
                ("args", agents.models.fields.PlainField(null=True)),
                ("is_idempotent", models.BooleanField(default=False)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True)),
                (
                    "decision",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="effects",
                        to="agents.decision",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="effects",
                        to="agents.run",
                    ),
                ),
                (
                    "runner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="agents.runner",
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="settled_effects",
                        to="agents.decision",
                    ),
                ),
                (
                    "thread",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="effects",
                        to="agents.thread",
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.AddField(
            model_name="toolsetting",
            name="is_idempotent",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="EffectResult",
            fields=[
                (
                    "effect",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="result",
                        serialize=False,
                        to="agents.effect",
                    ),
                ),
                ("kind", models.CharField(max_length=32)),
                ("data", models.BinaryField()),
            ],
        ),
        migrations.AddIndex(
            model_name="effect",
            index=models.Index(fields=["run", "status"], name="effect_of_run"),
        ),
        migrations.AddConstraint(
            model_name="effect",
            constraint=models.UniqueConstraint(
                fields=("thread", "key", "number"), name="one_effect_a_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="effect",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ("started", "in_doubt")),
                    ("ended_at__isnull", False),
                    _connector="OR",
                ),
                name="ended_effects_have_a_time",
            ),
        ),
    ]
