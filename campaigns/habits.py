"""At which hour of their day customers open and click: counted for each, leaning on the whole list's habit.

With n_h mails opened or clicked in local hour h, n of them in all, and the list's share p_h of that hour, the posterior
mean of a Dirichlet prior with strength s is (n_h + s p_h) / (n + s). Somebody of whom little is known has the
list's hour; after a dozen reactions at another one they have their own. Who reacts does so after a mail came, so that
the habit leans towards the hours at which mail was sent before.
"""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from campaigns.models import ListHabit
from campaigns.zones import zone_of

HOURS = 24
PRIOR_STRENGTH = 8.0
"""How many reactions the list's habit counts for."""
LOOK_BACK = timedelta(days=180)
MIDMORNING = 10
"""The hour of a list that never reacted."""

_REACTED = """
CREATE TEMPORARY TABLE reacted ON COMMIT DROP AS
SELECT message.customer_id, date_part('hour', event.occurred_at AT TIME ZONE place.zone)::smallint AS hour,
       count(DISTINCT message.id) AS reactions
FROM delivery_messageevent event
JOIN delivery_message message ON message.id = event.message_id
JOIN customers_customer customer ON customer.id = message.customer_id AND customer.allows_profiling
JOIN unnest(%(timezones)s::text[], %(countries)s::text[], %(zones)s::text[]) AS place (timezone, country, zone)
    ON place.timezone = coalesce(customer.timezone, '') AND place.country = customer.country
WHERE event.kind IN ('opened', 'clicked') AND NOT event.is_machine
    AND event.occurred_at > statement_timestamp() - make_interval(secs => %(look_back)s)
GROUP BY message.customer_id, 2
"""
# Hours without a reaction cannot win but for the list's own: it joins with none.
_STORE = """
INSERT INTO campaigns_sendinghabit (customer_id, hour, reactions, computed_at)
SELECT DISTINCT ON (candidate.customer_id) candidate.customer_id, candidate.hour,
       sum(candidate.reactions) OVER (PARTITION BY candidate.customer_id), statement_timestamp()
FROM (
    SELECT * FROM reacted
    UNION ALL
    SELECT DISTINCT customer_id, %(list_hour)s::smallint, 0 FROM reacted
) candidate
JOIN unnest(%(prior)s::float8[]) WITH ORDINALITY AS prior (share, place) ON prior.place = candidate.hour + 1
ORDER BY candidate.customer_id, candidate.reactions + %(strength)s * prior.share DESC, candidate.hour
ON CONFLICT (customer_id) DO UPDATE
SET hour = excluded.hour, reactions = excluded.reactions, computed_at = excluded.computed_at
"""


def prior_of(reactions: Sequence[int]) -> list[float]:
    """Return the share of each of 24 local hours in the list's reactions, each hour with one more than was counted."""
    total = sum(reactions) + HOURS
    return [(count + 1) / total for count in reactions]


def posterior(
    reactions: Sequence[int], *, prior: Sequence[float], strength: float = PRIOR_STRENGTH
) -> list[float]:
    """Return the posterior mean share of each of 24 local hours for one customer's `reactions`."""
    total = sum(reactions) + strength
    return [(count + strength * share) / total for count, share in zip(reactions, prior, strict=True)]


def favourite(shares: Sequence[float]) -> int:
    """Return the hour with the greatest share, the earliest of equals."""
    return max(range(HOURS), key=lambda hour: (shares[hour], -hour))


@transaction.atomic
def compute_habits() -> int:
    """Learn everybody's hour from half a year of people's openings and clicks; return how many customers have one.

    Who objects to profiling has none. Machines' hits do not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REACTED, _places() | {"look_back": LOOK_BACK.total_seconds()})
        cursor.execute("SELECT hour, sum(reactions)::bigint FROM reacted GROUP BY hour")
        by_hour = dict(cursor.fetchall())
        reactions = [by_hour.get(hour, 0) for hour in range(HOURS)]
        prior = prior_of(reactions)
        list_hour = favourite(prior) if any(reactions) else MIDMORNING
        ListHabit.objects.update_or_create(pk=1, defaults={"reactions": reactions, "hour": list_hour})
        cursor.execute(_STORE, {"prior": prior, "strength": PRIOR_STRENGTH, "list_hour": list_hour})
        stored = cursor.rowcount
        cursor.execute(
            "DELETE FROM campaigns_sendinghabit habit"
            " WHERE NOT EXISTS (SELECT FROM reacted WHERE reacted.customer_id = habit.customer_id)"
        )
        cursor.execute("DROP TABLE reacted")
    return stored


def list_hour() -> int:
    """Return the hour for somebody of whom nothing is known."""
    stored = ListHabit.objects.filter(pk=1).values_list("hour", flat=True).first()
    return MIDMORNING if stored is None else stored


def _places() -> dict[str, list[str]]:
    """Every pair of zone and country that customers have, with the zone that counts; one that PostgreSQL knows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT coalesce(timezone, ''), country FROM customers_customer")
        pairs = cursor.fetchall()
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name for (name,) in cursor.fetchall()}
    utc = ZoneInfo("UTC")
    zones = [zone_of(timezone, country, default=utc).key for timezone, country in pairs]
    return {
        "timezones": [timezone for timezone, _ in pairs],
        "countries": [country for _, country in pairs],
        "zones": [zone if zone in known else "UTC" for zone in zones],
    }
