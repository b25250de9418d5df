import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import segments.models


class Migration(migrations.Migration):
    dependencies = [("segments", "0002_bounds_for_now")]
    operations = [
        migrations.AddField(
            model_name="segment",
            name="archived_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="segment",
            name="is_core",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="One of the five to ten by which you run your marketing.",
                verbose_name="core segment",
            ),
        ),
        migrations.AddField(
            model_name="segment",
            name="kind",
            field=models.CharField(
                choices=[("dynamic", "Kept by a condition"), ("static", "A fixed list")],
                db_default="dynamic",
                default="dynamic",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="segment",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                help_text="Only members of that segment can be in this one.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="children",
                to="segments.segment",
                verbose_name="part of",
            ),
        ),
        migrations.AlterField(
            model_name="membershipchange",
            name="cause",
            field=models.CharField(help_text="edit, event, schedule or launch", max_length=20),
        ),
        migrations.AlterField(
            model_name="segment",
            name="condition",
            field=models.JSONField(
                default=segments.models.everybody, help_text="The condition as JSON; see docs/conditions.md"
            ),
        ),
    ]
