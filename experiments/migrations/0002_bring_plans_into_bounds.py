"""An experiment's error rate and window are moved to where statistics can work with them."""

from typing import Any

from django.db import migrations
from django.db.models.functions import Greatest, Least


def bring_into_bounds(apps: Any, schema_editor: Any) -> None:
    """Move what lies outside to the nearest bound."""
    experiments = apps.get_model("experiments", "Experiment").objects.using(schema_editor.connection.alias)
    experiments.exclude(alpha__range=(0.001, 0.2)).update(alpha=Least(Greatest("alpha", 0.001), 0.2))
    experiments.filter(conversion_window_days__lt=1).update(conversion_window_days=1)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0001_initial")]

    operations = [migrations.RunPython(bring_into_bounds, migrations.RunPython.noop)]
