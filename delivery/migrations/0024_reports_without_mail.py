from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BATCH = 5_000


def list_unknown(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Say of reports from before whose mail nobody knows that they are such; each batch is committed by itself."""
    receipts = apps.get_model("delivery", "WebhookReceipt").objects
    last = 0
    while True:
        found = receipts.filter(message=None, state="linked", pk__gt=last).order_by("pk")
        keys = list(found.values_list("pk", flat=True)[:BATCH])
        if not keys:
            return
        receipts.filter(pk__in=keys).update(state="unknown")
        last = keys[-1]


class Migration(migrations.Migration):
    """Reports that came before any waited, and whose mail is not known, are listed."""

    atomic = False
    dependencies = [("delivery", "0023_digest_letters")]

    operations = [migrations.RunPython(list_unknown, migrations.RunPython.noop)]
