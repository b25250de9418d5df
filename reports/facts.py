"""One row for each message that was sent, made from the raw rows; and one for each rule and strategy in it.

What is emptied by and by (devices by retention) was read while it was there: a fact that the raw rows no longer tell is
kept as it was. Only the domain goes with the address, by an erasure. What an older version resolved may have other
forms: a product without a strategy is not counted.
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings as django_settings
from django.db import connection

from customers.conversion import LINE_TOTAL, into_reporting
from delivery.verdicts import TRAP_INDEX
from reports.clients import client_sql
from reports.models import ReportSettings

_COLUMNS = (
    "message_id",
    "dispatch_id",
    "variant_key",
    "domain",
    "client",
    "stage",
    "sent_on",
    "opened_on",
    "machine_opened_on",
    "clicked_on",
    "unsubscribed_on",
    "bounced_on",
    "complained_on",
    "order_parts",
    "revenue_minor",
)


def _day(column: str) -> str:
    return f"({column} AT TIME ZONE 'UTC')::date"


_FACTS = f"""
INSERT INTO reports_messagefact ({", ".join(_COLUMNS)})
SELECT m.id, m.dispatch_id, m.variant_key,
    lower(split_part(m.recipient, '@', 2)),
    {client_sql("e.agent", known="old.client")},
    coalesce(old.stage, c.stage), {_day("m.sent_at")}, {_day("e.opened")}, {_day("e.machine_opened")},
    {_day("e.clicked")}, {_day("e.unsubscribed")}, {_day("e.bounced")}, {_day("e.complained")},
    coalesce(a.order_parts, 0), coalesce(a.revenue_minor, 0)
FROM delivery_message m
JOIN delivery_dispatch d ON d.id = m.dispatch_id AND d.kind <> 'test'
JOIN customers_customer c ON c.id = m.customer_id
LEFT JOIN reports_messagefact old ON old.message_id = m.id
LEFT JOIN LATERAL (
    SELECT min(occurred_at) FILTER (WHERE kind = 'opened' AND NOT is_machine) AS opened,
        min(occurred_at) FILTER (WHERE kind = 'opened' AND is_machine) AS machine_opened,
        min(occurred_at) FILTER (WHERE kind = 'clicked' AND NOT is_machine) AS clicked,
        min(occurred_at) FILTER (WHERE kind = 'unsubscribed') AS unsubscribed,
        min(occurred_at) FILTER (WHERE kind = 'bounced') AS bounced,
        min(occurred_at) FILTER (WHERE kind = 'complained') AS complained,
        (array_agg(user_agent ORDER BY user_agent <> '' DESC, kind = 'opened' DESC, occurred_at, id)
            FILTER (WHERE kind IN ('opened', 'clicked') AND NOT is_machine))[1] AS agent
    FROM delivery_messageevent WHERE message_id = m.id AND kind <> 'sent'
) e ON true
LEFT JOIN LATERAL (
    SELECT sum(order_parts) AS order_parts, sum(revenue_minor) AS revenue_minor
    FROM reports_attribution WHERE message_id = m.id
) a ON true
WHERE {{messages}} AND m.state = 'sent' AND m.sent_at IS NOT NULL
ORDER BY m.id
ON CONFLICT (message_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""  # noqa: S608 - constants only
_GONE = """
DELETE FROM reports_messagefact f WHERE {facts} AND NOT EXISTS (
    SELECT FROM delivery_message m JOIN delivery_dispatch d ON d.id = m.dispatch_id AND d.kind <> 'test'
    WHERE m.id = f.message_id AND m.state = 'sent' AND m.sent_at IS NOT NULL)
"""
_OLD_PARTS = """
DELETE FROM reports_messagepart p WHERE {parts} AND NOT EXISTS (
    SELECT FROM reports_messagefact f JOIN delivery_message m ON m.id = f.message_id
    WHERE f.message_id = p.message_id AND m.resolved IS NULL)
"""
_RULES = """
INSERT INTO reports_messagepart (message_id, dimension, key, shown, chosen, bought, bought_minor)
SELECT DISTINCT m.id, 'rule', left(fired.name, 200), 0, 0, 0, 0
FROM delivery_message m JOIN reports_messagefact f ON f.message_id = m.id
CROSS JOIN LATERAL jsonb_array_elements_text(m.resolved -> 'rules_fired') AS fired (name)
WHERE {messages} AND jsonb_typeof(m.resolved -> 'rules_fired') = 'array'
ORDER BY 1, 3
"""
_STRATEGIES = f"""
WITH shown AS MATERIALIZED (
    SELECT DISTINCT m.id AS message_id, m.customer_id, m.sent_at, left(one ->> 'strategy', 200) AS key,
        CASE WHEN one ->> 'id' ~ '^[0-9]{{{{1,18}}}}$' THEN (one ->> 'id')::bigint END AS product_id
    FROM delivery_message m JOIN reports_messagefact f ON f.message_id = m.id
    CROSS JOIN LATERAL jsonb_array_elements(m.resolved -> 'recommendations') AS one
    WHERE {{messages}} AND jsonb_typeof(m.resolved -> 'recommendations') = 'array' AND one ->> 'strategy' <> ''
        AND one ->> 'id' ~ '^[0-9]{{{{1,18}}}}$'
), followed AS (
    SELECT DISTINCT shown.message_id, shown.key, shown.product_id
    FROM shown JOIN delivery_messageevent e ON e.message_id = shown.message_id AND e.kind = 'clicked'
        AND NOT e.is_machine AND e.link_index <> {TRAP_INDEX}
    JOIN delivery_message m ON m.id = shown.message_id
    LEFT JOIN delivery_linklist l ON l.id = m.link_list_id
    JOIN products_product p ON p.id = shown.product_id AND p.url <> ''
    CROSS JOIN LATERAL (SELECT (coalesce(l.urls, '{{{{}}}}') || coalesce(m.links, '{{{{}}}}'))[e.link_index + 1] AS url,
        CASE WHEN left(p.url, 1) = '/' THEN %(base)s || p.url ELSE p.url END AS page) link
    WHERE starts_with(link.url, link.page) AND substr(link.url, length(link.page) + 1, 1) IN ('', '?', '&', '#')
), bought AS (
    SELECT shown.message_id, shown.key, shown.product_id, coalesce(sum({LINE_TOTAL}), 0) AS minor
    FROM shown JOIN customers_order o ON o.customer_id = shown.customer_id AND o.placed_at >= shown.sent_at
        AND o.placed_at < shown.sent_at + make_interval(days => %(days)s)
    JOIN customers_orderline l ON l.order_id = o.id AND l.product_id = shown.product_id
    GROUP BY 1, 2, 3
)
INSERT INTO reports_messagepart (message_id, dimension, key, shown, chosen, bought, bought_minor)
SELECT message_id, 'strategy', key, count(*), count(followed.product_id), count(bought.product_id),
    coalesce(sum(bought.minor), 0)
FROM shown LEFT JOIN followed USING (message_id, key, product_id) LEFT JOIN bought USING (message_id, key, product_id)
GROUP BY message_id, key ORDER BY message_id, key
"""  # noqa: S608 - constants only


def read_messages(settings: ReportSettings, *, message_ids: Sequence[int] | None = None) -> None:
    """Make the facts of these messages, or of all, from the raw rows; their attribution must be there."""
    every = message_ids is None

    def scope(column: str) -> str:
        return "true" if every else f"{column} = ANY(%(messages)s)"

    values: dict[str, Any] = {
        "messages": list(message_ids or ()),
        "base": django_settings.BASE_URL,
        "days": settings.click_window_days,
    } | into_reporting()
    with connection.cursor() as cursor:
        cursor.execute(_GONE.format(facts=scope("f.message_id")), values)
        cursor.execute(_FACTS.format(messages=scope("m.id")), values)
        cursor.execute(_OLD_PARTS.format(parts=scope("p.message_id")), values)
        for statement in (_RULES, _STRATEGIES):
            cursor.execute(statement.format(messages=scope("m.id")), values)
