"""Versions of all models have the same fields; `asked_as` lets a task that is delivered twice train once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recommendations", "0005_why_a_training_failed"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="modelversion",
            name="error",
        ),
        migrations.AddField(
            model_name="modelversion",
            name="asked_as",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="predictionversion",
            name="asked_as",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="status",
            field=models.CharField(
                choices=[
                    ("training", "Training"),
                    ("champion", "In use"),
                    ("retired", "Was in use"),
                    ("rejected", "Not good enough"),
                    ("waiting", "Not enough data"),
                    ("cancelled", "Cancelled"),
                    ("failed", "Failed"),
                ],
                default="training",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="verdict",
            field=models.TextField(blank=True, help_text="Why it is in use or is not."),
        ),
        migrations.AlterField(
            model_name="predictionversion",
            name="verdict",
            field=models.TextField(blank=True, help_text="Why it is in use or is not."),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("asked_as", ""), _negated=True),
                fields=("engine", "asked_as"),
                name="model_version_asked_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="predictionversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("asked_as", ""), _negated=True),
                fields=("kind", "asked_as"),
                name="prediction_version_asked_once",
            ),
        ),
    ]
