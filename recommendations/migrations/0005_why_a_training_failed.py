"""Why a training failed is its verdict."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


def error_is_the_verdict(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A failed training says why in its verdict."""
    apps.get_model("recommendations", "ModelVersion").objects.exclude(error="").update(verdict=F("error"))


def verdict_is_the_error(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """And did so in a field of its own."""
    versions = apps.get_model("recommendations", "ModelVersion").objects
    versions.filter(status="failed").update(error=F("verdict"))


class Migration(migrations.Migration):
    dependencies = [("recommendations", "0004_prediction_version")]
    operations = [
        migrations.RunPython(error_is_the_verdict, verdict_is_the_error),
    ]
