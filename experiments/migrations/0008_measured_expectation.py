"""What was expected because the list did it is told apart from what somebody entered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0007_imported_outcomes")]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="is_expectation_measured",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="What is expected is what the list did, rather than what somebody entered.",
            ),
        ),
    ]
