import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0035_indexes_for_who_fits"),
        ("recommendations", "0008_popular_in_category"),
    ]

    operations = [
        migrations.AddField(
            model_name="externalmodel",
            name="gives",
            field=models.CharField(
                choices=[
                    ("scores", "A score for each customer"),
                    ("recommendations", "Products for each customer"),
                ],
                default="scores",
                help_text="Products come before those of our own recommender, which fills what is left open",
                max_length=15,
            ),
        ),
        migrations.AlterField(
            model_name="externalmodel",
            name="key",
            field=models.SlugField(
                help_text="The score's name in conditions. With the name of a prediction of our own, such as churn, it takes that one's place, and ours steps in where it fails. Of recommendations any name.",
                max_length=25,
                unique=True,
            ),
        ),
        migrations.AlterField(
            model_name="externalmodel",
            name="scored",
            field=models.PositiveIntegerField(
                default=0, editable=False, verbose_name="customers answered for"
            ),
        ),
        migrations.AlterField(
            model_name="externalmodel",
            name="stale_after_hours",
            field=models.PositiveIntegerField(
                default=72,
                help_text="What it said before that is taken out of use, and ours put back",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(8784),
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="externalmodel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("gives", "recommendations")),
                fields=("gives",),
                name="one_external_recommender",
                violation_error_message="There is a model elsewhere that gives recommendations already.",
            ),
        ),
        migrations.CreateModel(
            name="ExternalRecommendation",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="customers.customer",
                    ),
                ),
                (
                    "product_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("version", models.CharField(max_length=20)),
                ("computed_at", models.DateTimeField()),
            ],
        ),
    ]
