import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0030_touched_what_changed"),
        ("segments", "0004_segment_days"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="ListedCustomer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("added_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="ListFill",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="The file's name, or where the customers came from", max_length=200
                    ),
                ),
                ("lines", models.IntegerField()),
                ("matched", models.IntegerField(help_text="Customers whom the lines named, each once")),
                ("unknown_count", models.IntegerField()),
                (
                    "unknown",
                    models.TextField(
                        blank=True, help_text="The lines that named nobody, as CSV with the reason"
                    ),
                ),
                ("filled_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="listedcustomer",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="customers.customer"
            ),
        ),
        migrations.AddField(
            model_name="listedcustomer",
            name="segment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="listed", to="segments.segment"
            ),
        ),
        migrations.AddField(
            model_name="listfill",
            name="filled_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="listfill",
            name="segment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="fills", to="segments.segment"
            ),
        ),
        migrations.AddConstraint(
            model_name="listedcustomer",
            constraint=models.UniqueConstraint(fields=("segment", "customer"), name="listed_unique"),
        ),
    ]
