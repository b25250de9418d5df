from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Reports that wait, and mails that may have been handed over before, are few and looked for often."""

    atomic = False
    dependencies = [("delivery", "0021_waiting_reports")]

    operations = [
        AddIndexConcurrently(
            "webhookreceipt",
            models.Index(fields=["try_at"], condition=models.Q(("state", "waiting")), name="webhook_waiting"),
        ),
        AddIndexConcurrently(
            "webhookreceipt",
            models.Index(
                fields=["provider_id"], condition=models.Q(("state", "waiting")), name="webhook_waiting_for"
            ),
        ),
        AddIndexConcurrently(
            "webhookreceipt",
            models.Index(
                fields=["-id"],
                condition=models.Q(("state", "linked"), _negated=True),
                name="webhook_unlinked",
            ),
        ),
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["dispatch", "due_at"],
                condition=models.Q(("raw__isnull", False), ("state", "queued")),
                name="message_in_doubt",
            ),
        ),
    ]
