import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segments", "0005_lists")]
    operations = [
        migrations.CreateModel(
            name="Reference",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("user_kind", models.CharField(max_length=20)),
                ("user_key", models.CharField(max_length=100)),
                ("label", models.CharField(max_length=200)),
                ("url", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.AddField(
            model_name="reference",
            name="segment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="references", to="segments.segment"
            ),
        ),
        migrations.AddIndex(
            model_name="reference",
            index=models.Index(fields=["user_kind", "user_key"], name="reference_user"),
        ),
        migrations.AddConstraint(
            model_name="reference",
            constraint=models.UniqueConstraint(
                fields=("segment", "user_kind", "user_key"), name="reference_once"
            ),
        ),
    ]
