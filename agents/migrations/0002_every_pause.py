"""Every kind of pause: drafts, moving questions, gated tools, refused calls."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CallVerdict",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("call_id", models.CharField(max_length=255)),
                ("tool", models.CharField(max_length=255)),
                (
                    "type",
                    models.CharField(
                        choices=[("approve", "Approve"), ("edit", "Edit"), ("reject", "Reject")],
                        max_length=8,
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("ns", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("post", models.TextField()),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name="ToolSetting",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tool", models.CharField(max_length=255)),
                (
                    "gate",
                    models.CharField(
                        choices=[("agent", "Agent"), ("always", "Always"), ("never", "Never")],
                        max_length=8,
                    ),
                ),
                ("set_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("-pk",),
                "permissions": (("gate_tool", "Can set which tools are reviewed or blocked"),),
            },
        ),
        migrations.CreateModel(
            name="Violation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ns", models.TextField(blank=True)),
                ("tool", models.CharField(max_length=255)),
                ("args", agents.models.fields.PlainField(null=True)),
                ("message", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.AddField(
            model_name="agent",
            name="tool_default",
            field=models.CharField(default="agent", max_length=8),
        ),
        migrations.AddField(
            model_name="decision",
            name="moving",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="decision",
            name="then",
            field=models.CharField(
                choices=[
                    ("run", "Run"),
                    ("skip", "Skip"),
                    ("write", "Write"),
                    ("finish", "Finish"),
                ],
                default="run",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="update",
            field=agents.models.fields.PlainField(null=True),
        ),
        migrations.AddField(
            model_name="interrupt",
            name="call_ids",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="interrupt",
            name="moved_from",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="moved_to",
                to="agents.interrupt",
            ),
        ),
        migrations.AddField(
            model_name="interrupt",
            name="moving",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="interrupt",
            name="origin",
            field=agents.models.fields.PlainField(null=True),
        ),
        migrations.AddField(
            model_name="runner",
            name="cannot_gate",
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name="decision",
            name="status",
            field=models.CharField(
                choices=[
                    ("recorded", "Recorded"),
                    ("delivered", "Delivered"),
                    ("applied", "Applied"),
                    ("refused", "Refused"),
                    ("withdrawn", "Withdrawn"),
                ],
                default="recorded",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="interrupt",
            name="kind",
            field=models.CharField(
                choices=[
                    ("interrupt", "Interrupt"),
                    ("breakpoint", "Breakpoint"),
                    ("node_interrupt", "Node Interrupt"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="trigger",
            field=models.CharField(
                choices=[("start", "Start"), ("resume", "Resume"), ("ask_again", "Ask Again")],
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="interrupt",
            index=models.Index(fields=["node", "-id"], name="interrupt_of_node"),
        ),
        migrations.AddField(
            model_name="callverdict",
            name="decision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="calls",
                to="agents.decision",
            ),
        ),
        migrations.AddField(
            model_name="callverdict",
            name="thread",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="call_verdicts",
                to="agents.thread",
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="drafts", to="agents.run"
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="drafts",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="toolsetting",
            name="agent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tool_settings",
                to="agents.agent",
            ),
        ),
        migrations.AddField(
            model_name="toolsetting",
            name="set_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="violation",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="violations",
                to="agents.run",
            ),
        ),
        migrations.AddField(
            model_name="violation",
            name="verdict",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="violations",
                to="agents.callverdict",
            ),
        ),
        migrations.AddIndex(
            model_name="callverdict",
            index=models.Index(fields=["thread", "call_id", "-id"], name="verdict_of_call"),
        ),
        migrations.AddConstraint(
            model_name="draft",
            constraint=models.UniqueConstraint(
                fields=("run", "user"), name="one_draft_per_pause_and_person"
            ),
        ),
        migrations.AddIndex(
            model_name="toolsetting",
            index=models.Index(fields=["agent", "tool", "-id"], name="tool_setting_newest"),
        ),
        migrations.AddIndex(
            model_name="violation",
            index=models.Index(fields=["run", "verdict"], name="violation_of_run"),
        ),
    ]
