from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_UNSEEN = {
    "any": [
        {"fact": "last_seen_at", "op": "older_than", "value": {"days": 90}},
        {
            "all": [
                {"fact": "last_seen_at", "op": "is_missing"},
                {"attribute": "signed_up_at", "op": "older_than", "value": {"days": 90}},
            ]
        },
    ]
}
STAGES: list[tuple[str, str, str, dict[str, Any] | None]] = [
    ("churned", "Churned", "Not a visit, an opening, a click or an order for 90 days.", _UNSEEN),
    (
        "at-risk",
        "At risk",
        "Bought before, and quiet for 45 days.",
        {
            "all": [
                {"fact": "orders_count", "op": "gte", "value": 1},
                {"fact": "last_seen_at", "op": "older_than", "value": {"days": 45}},
            ]
        },
    ),
    (
        "loyal",
        "Loyal",
        "Three orders or more, the last within half a year.",
        {
            "all": [
                {"fact": "orders_count", "op": "gte", "value": 3},
                {"fact": "last_order_at", "op": "within", "value": {"days": 180}},
            ]
        },
    ),
    ("active", "Active", "Bought at least once.", {"fact": "orders_count", "op": "gte", "value": 1}),
    ("new", "New subscriber", "Everybody else: has not bought yet.", None),
]
_LAST = 9999


def install(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Store the stages that a shop begins with."""
    stage = apps.get_model("segments", "LifecycleStage")
    apps.get_model("segments", "Lifecycle").objects.get_or_create(pk=1)
    for place, (key, name, description, condition) in enumerate(STAGES, start=1):
        stage.objects.get_or_create(
            key=key,
            defaults={
                "name": name,
                "description": description,
                "condition": condition,
                "position": place if condition else _LAST,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("segments", "0008_latest_changes")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
