from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0002_stores")]

    operations = [
        migrations.CreateModel(
            name="Place",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("country", models.CharField(max_length=2)),
                (
                    "name_key",
                    models.CharField(help_text="As `products.places.name_key` spells it", max_length=100),
                ),
                ("name", models.CharField(max_length=100)),
                ("population", models.IntegerField()),
                ("latitude", models.FloatField()),
                ("longitude", models.FloatField()),
            ],
            options={
                "indexes": [models.Index(fields=["name_key", "-population"], name="place_by_name")],
                "constraints": [
                    models.UniqueConstraint(fields=("country", "name_key"), name="place_once_a_country")
                ],
            },
        ),
    ]
