"""Who enters a trigger of journeys is marked; the index holds nobody else."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("segments", "0010_schedules_of_freshness")]

    operations = [
        migrations.AddField(
            model_name="segment",
            name="is_trigger",
            field=models.BooleanField(
                db_default=False, default=False, editable=False, help_text="Journeys wait for who enters it"
            ),
        ),
        migrations.AddField(
            model_name="membershipchange",
            name="is_news",
            field=models.BooleanField(db_default=False, default=False),
        ),
        AddIndexConcurrently(
            model_name="membershipchange",
            index=models.Index(condition=models.Q(("is_news", True)), fields=["id"], name="change_is_news"),
        ),
    ]
