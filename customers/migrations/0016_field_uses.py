from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0015_quarantine"),
    ]

    operations = [
        migrations.CreateModel(
            name="HealthFigures",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("computed_at", models.DateTimeField()),
                ("customers", models.BigIntegerField()),
                ("without_address", models.BigIntegerField()),
                ("without_consent", models.BigIntegerField()),
                ("audience", models.BigIntegerField(help_text="Customers who may be mailed")),
                (
                    "empty",
                    models.JSONField(
                        help_text="For each field in use: in how many of the audience it is empty"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "health figures",
            },
        ),
        migrations.CreateModel(
            name="FieldUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("user_kind", models.CharField(max_length=20)),
                ("user_id", models.BigIntegerField()),
                ("label", models.CharField(max_length=200)),
                ("field", models.CharField(max_length=200)),
            ],
            options={
                "indexes": [models.Index(fields=["field"], name="field_use_field")],
                "constraints": [
                    models.UniqueConstraint(fields=("user_kind", "user_id", "field"), name="field_use_once")
                ],
            },
        ),
    ]
