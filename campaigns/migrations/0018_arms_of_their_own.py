"""Arms of a campaign have words and a time of their own; such words are in no template's history."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0017_drop_doubled_indexes"),
        ("experiments", "0005_salts_of_holdouts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="templateversion",
            name="template_version_number",
        ),
        migrations.AddField(
            model_name="campaignvariant",
            name="send_shift_hours",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="So many hours later than the campaign's plan says are the mails of this arm due",
                validators=[django.core.validators.MaxValueValidator(168)],
            ),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="origin",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="campaigns.templateversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignvariant",
            constraint=models.CheckConstraint(
                condition=models.Q(("send_shift_hours__lte", 168)), name="campaign_variant_shift"
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("origin", None)),
                fields=("template", "number"),
                name="template_version_number",
            ),
        ),
    ]
