"""The names that trackers usually send, and what they count as."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VIEWED, PAGE, ADDED, CART, ORDER, REFUND, SEARCHED, SOCIAL = 1, 2, 3, 4, 5, 7, 8, 15
NAMES = {
    "Product Viewed": VIEWED,
    "Viewed Product": VIEWED,
    "Product List Viewed": PAGE,
    "Viewed Product Category": PAGE,
    "Cart Viewed": PAGE,
    "Product Added": ADDED,
    "Added Product": ADDED,
    "Product Removed": CART,
    "Removed Product": CART,
    "Cart Updated": CART,
    "Checkout Started": CART,
    "Order Completed": ORDER,
    "Completed Order": ORDER,
    "Order Refunded": REFUND,
    "Order Cancelled": REFUND,
    "Products Searched": SEARCHED,
    "Product Shared": SOCIAL,
    "Cart Shared": SOCIAL,
}


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    model = apps.get_model("customers", "EventName")
    rows = [model(name=name, key=name.casefold(), type=type) for name, type in NAMES.items()]
    model.objects.bulk_create(rows, ignore_conflicts=True)


def take_away(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    keys = [name.casefold() for name in NAMES]
    apps.get_model("customers", "EventName").objects.filter(key__in=keys, number=None).delete()


class Migration(migrations.Migration):
    dependencies = [("customers", "0009_event_names_and_hooks")]

    operations = [migrations.RunPython(add, take_away)]
