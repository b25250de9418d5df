from django.db import migrations, models

from common.sealed import seal, unseal
from common.sealed_field import SealedField


def seal_secrets(apps, schema_editor):
    for pk, secret in _secrets(apps):
        _keep(apps, pk, seal(secret))


def unseal_secrets(apps, schema_editor):
    for pk, secret in _secrets(apps):
        _keep(apps, pk, unseal(secret))


def _secrets(apps):
    rows = apps.get_model("campaigns", "Journey").objects.exclude(webhook_secret="").order_by("pk")
    return list(rows.values_list("pk", "webhook_secret"))


def _keep(apps, pk, text):
    apps.get_model("campaigns", "Journey").objects.filter(pk=pk).update(webhook_secret=text)


class Migration(migrations.Migration):
    """Secrets are encrypted where they are stored; as plain text in between, so that each is read as it stands."""

    dependencies = [("campaigns", "0019_remainder_release")]

    operations = [
        migrations.AlterField(
            model_name="journey", name="webhook_secret", field=models.TextField(blank=True)
        ),
        migrations.RunPython(seal_secrets, unseal_secrets),
        migrations.AlterField(
            model_name="journey",
            name="webhook_secret",
            field=SealedField(blank=True, help_text="Signs what webhook steps send; begins with whsec_"),
        ),
    ]
