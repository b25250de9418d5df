from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Unknown messages are few and looked for often."""

    atomic = False
    dependencies = [("delivery", "0009_settled_by")]

    operations = [
        AddIndexConcurrently(
            "message",
            models.Index(fields=["id"], condition=models.Q(("state", "unknown")), name="message_unknown"),
        ),
    ]
