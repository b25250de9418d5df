from django.db import migrations, models

from common.sealed import seal, unseal
from common.sealed_field import SealedField
from customers.models.tracking import new_secret


def seal_secrets(apps, schema_editor):
    for pk, secret in _secrets(apps):
        _keep(apps, pk, seal(secret))


def unseal_secrets(apps, schema_editor):
    for pk, secret in _secrets(apps):
        _keep(apps, pk, unseal(secret))


def _secrets(apps):
    rows = apps.get_model("customers", "EventHook").objects.exclude(secret="").order_by("pk")
    return list(rows.values_list("pk", "secret"))


def _keep(apps, pk, text):
    apps.get_model("customers", "EventHook").objects.filter(pk=pk).update(secret=text)


class Migration(migrations.Migration):
    """Secrets are encrypted where they are stored; as plain text in between, so that each is read as it stands."""

    dependencies = [("customers", "0036_drop_doubled_indexes")]

    operations = [
        migrations.AlterField(
            model_name="eventhook", name="secret", field=models.TextField(default=new_secret)
        ),
        migrations.RunPython(seal_secrets, unseal_secrets),
        migrations.AlterField(
            model_name="eventhook",
            name="secret",
            field=SealedField(default=new_secret, help_text="Both sides sign with it: whsec_ and base64"),
        ),
    ]
