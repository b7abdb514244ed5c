"""How many runners vanished while they executed a run: only these end it, not orderly stops."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_effect_journal"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="vanished",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
