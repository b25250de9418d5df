from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """A paused dispatch's rows are not walked by every claim of the others."""

    atomic = False
    dependencies = [("delivery", "0005_dispatch_kinds")]

    operations = [
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["dispatch", "due_at", "id"],
                condition=models.Q(("state", "queued")),
                name="message_queue_of_dispatch",
            ),
        ),
        RemoveIndexConcurrently("message", "message_queue"),
    ]
