"""How PostgreSQL is told to plan a query over everybody, or over a large part of them."""

from django.db import connection

# Sets of customers are hashed in memory; past the default they would be written to disk, or searched in turn. Several
# processes are worth their while for smaller tables than PostgreSQL thinks.
_SETTINGS = {"work_mem": "64MB", "parallel_tuple_cost": "0.02"}
_SET = "SELECT " + ", ".join("set_config(%s, %s, true)" for _ in _SETTINGS)


def plan_for_everybody() -> None:
    """Plan for many rows until the transaction ends, which must have begun. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SET, [text for setting in _SETTINGS.items() for text in setting])
