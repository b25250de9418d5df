"""A draft keeps everybody who wrote on it."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rules", "0008_published_rules_keep_their_slot")]

    operations = [
        migrations.AlterField(
            model_name="ruledraft",
            name="author",
            field=models.ForeignKey(
                help_text="Who wrote these words; empty for a command.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="ruledraft",
            name="writer_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                default=list,
                db_default=[],
                help_text="Every colleague whose words are or were in it; none of them approves it.",
                size=None,
            ),
        ),
    ]
