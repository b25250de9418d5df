"""The event table: partitioned by month of `occurred_at`, without a default partition.

Partitions are made by `customers.partitions` before rows need them. A new partition inherits the indexes.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

CREATE = """
CREATE TABLE customers_event (
    message_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    customer_id bigint NOT NULL,
    type smallint NOT NULL,
    product_id bigint,
    category_id bigint,
    order_id bigint,
    quantity integer,
    value_minor bigint,
    currency varchar(3),
    source varchar(50) NOT NULL,
    session varchar(100),
    properties jsonb,
    PRIMARY KEY (message_id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX customers_event_customer ON customers_event (customer_id, occurred_at);
CREATE INDEX customers_event_type ON customers_event (type, occurred_at)
    INCLUDE (customer_id, product_id, category_id, value_minor);
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, "DROP TABLE customers_event")],
            state_operations=[
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "message_id",
                                "occurred_at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("message_id", models.UUIDField()),
                        (
                            "customer",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="events",
                                to="customers.customer",
                            ),
                        ),
                        ("occurred_at", models.DateTimeField()),
                        (
                            "received_at",
                            models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                        ),
                        (
                            "type",
                            models.SmallIntegerField(
                                choices=[
                                    (1, "viewed a product"),
                                    (2, "viewed a page"),
                                    (3, "added to the cart"),
                                    (4, "changed the cart"),
                                    (5, "placed an order"),
                                    (6, "bought a product"),
                                    (7, "got a refund"),
                                    (8, "searched"),
                                    (9, "was sent an e-mail"),
                                    (10, "opened an e-mail"),
                                    (11, "clicked in an e-mail"),
                                    (12, "had an e-mail bounce"),
                                    (13, "marked an e-mail as spam"),
                                    (14, "unsubscribed"),
                                    (15, "interacted on social media"),
                                    (99, "did something else"),
                                ]
                            ),
                        ),
                        ("product_id", models.BigIntegerField(null=True)),
                        ("category_id", models.BigIntegerField(null=True)),
                        ("order_id", models.BigIntegerField(null=True)),
                        ("quantity", models.IntegerField(null=True)),
                        ("value_minor", models.BigIntegerField(null=True)),
                        ("currency", models.CharField(max_length=3, null=True)),
                        ("source", models.CharField(max_length=50)),
                        ("session", models.CharField(max_length=100, null=True)),
                        ("properties", models.JSONField(null=True)),
                    ],
                ),
            ],
        ),
    ]
