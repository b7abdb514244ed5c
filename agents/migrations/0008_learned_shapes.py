"""The shape that an agent took last is found by an index, however much else waits."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0007_sign_in_attempts"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="interrupt",
            name="interrupt_of_node",
        ),
        migrations.AddIndex(
            model_name="interrupt",
            index=models.Index(
                condition=models.Q(("status", "applied")),
                fields=["node", "-id"],
                name="interrupt_learned",
            ),
        ),
    ]
