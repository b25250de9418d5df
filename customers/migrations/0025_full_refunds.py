"""A refund may give back what is left of its order, without saying how much."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0024_source_policy_orders")]

    operations = [
        migrations.AddField(
            model_name="refund",
            name="rest_key",
            field=models.UUIDField(
                blank=True,
                help_text="The event that gave back whatever was left of the order, without saying how much",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("rest_key__isnull", False)), fields=["order"], name="refund_rest"
            ),
        ),
    ]
