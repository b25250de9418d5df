import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segments", "0003_kinds_of_segments")]
    operations = [
        migrations.CreateModel(
            name="SegmentDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("members", models.IntegerField()),
                ("entered", models.IntegerField(default=0)),
                ("left", models.IntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="segmentday",
            name="segment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="days", to="segments.segment"
            ),
        ),
        migrations.AddConstraint(
            model_name="segmentday",
            constraint=models.UniqueConstraint(fields=("segment", "day"), name="segment_day_unique"),
        ),
    ]
