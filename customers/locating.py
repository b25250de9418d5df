"""The nearest store of each customer, as the crow flies, kept in the customer's row.

Where somebody is: the attributes `latitude` and `longitude` if both are numbers on earth, or else the centre of the
city, in the customer's country if it is known, or else the largest of that name. Whoever cannot be placed belongs to
the only open store of the region, or else of the country, without a distance.
"""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from customers.news import PROFILE
from customers.profiles import touch_sql
from products.places import name_key

CHUNK = 20_000
_EARTH_KM = 6371.0088
_KM_PER_DEGREE = 111.0
_NUMBER = "^[+-]?[0-9]+([.][0-9]+)?$"


def _degrees(name: str, most: int) -> str:
    """An attribute as a number, or NULL where it is none that lies on earth; it may be written as a text.

    Two CASEs, since AND does not promise to look at the spelling first.
    """
    text = f"c.attributes->>'{name}'"
    on_earth = f"CASE WHEN abs(({text})::numeric) <= {most} THEN ({text})::float8 END"
    return f"CASE WHEN {text} ~ '{_NUMBER}' THEN {on_earth} END"


def _folded(column: str) -> str:
    return f"""lower(btrim({column}) COLLATE "pg_c_utf8")"""


_LOCATE = f"""
WITH people AS MATERIALIZED (
    SELECT c.id, c.country, {_folded("c.region")} AS region, {name_key("c.city")} AS city,
           {_degrees("latitude", 90)} AS latitude, {_degrees("longitude", 180)} AS longitude
    FROM customers_customer c
    WHERE {{scope}} AND NOT c.is_anonymous AND c.merged_into_id IS NULL AND c.erased_at IS NULL
),
cities AS MATERIALIZED (
    SELECT wanted.country, wanted.city, place.latitude, place.longitude
    FROM (SELECT DISTINCT country, city FROM people
          WHERE city <> '' AND (latitude IS NULL OR longitude IS NULL)) wanted
    CROSS JOIN LATERAL (
        SELECT p.latitude, p.longitude FROM products_place p
        WHERE p.name_key = wanted.city AND (wanted.country = '' OR p.country = wanted.country)
        ORDER BY p.population DESC, p.id LIMIT 1
    ) place
),
placed AS MATERIALIZED (
    SELECT people.id, people.country, people.region,
           CASE WHEN own THEN people.latitude ELSE cities.latitude END AS latitude,
           CASE WHEN own THEN people.longitude ELSE cities.longitude END AS longitude
    FROM (SELECT *, latitude IS NOT NULL AND longitude IS NOT NULL AS own FROM people) people
    LEFT JOIN cities ON NOT own AND cities.country = people.country AND cities.city = people.city
),
near AS MATERIALIZED (
    SELECT spot.latitude, spot.longitude, store.id, store.km
    FROM (SELECT DISTINCT latitude, longitude FROM placed WHERE latitude IS NOT NULL) spot
    CROSS JOIN LATERAL (
        SELECT s.id, 2 * {_EARTH_KM} * asin(least(1, sqrt(
                   sind((s.latitude - spot.latitude) / 2) ^ 2
                   + cosd(spot.latitude) * cosd(s.latitude) * sind((s.longitude - spot.longitude) / 2) ^ 2))) AS km
        FROM products_store s
        WHERE s.is_open AND s.latitude BETWEEN spot.latitude - %(degrees)s AND spot.latitude + %(degrees)s
        ORDER BY km, s.id LIMIT 1
    ) store
    WHERE store.km <= %(most_km)s
),
only_of_region AS (
    SELECT country, {_folded("region")} AS region, min(id) AS id FROM products_store
    WHERE is_open AND btrim(region) <> '' GROUP BY 1, 2 HAVING count(*) = 1
),
only_of_country AS (
    SELECT country, min(id) AS id FROM products_store WHERE is_open GROUP BY 1 HAVING count(*) = 1
),
found AS MATERIALIZED (
    SELECT placed.id, round(near.km::numeric, 1) AS km,
           CASE WHEN placed.latitude IS NOT NULL THEN near.id
                ELSE coalesce(only_of_region.id, only_of_country.id) END AS store_id
    FROM placed
    LEFT JOIN near ON near.latitude = placed.latitude AND near.longitude = placed.longitude
    LEFT JOIN only_of_region ON only_of_region.country = placed.country AND only_of_region.region = placed.region
    LEFT JOIN only_of_country ON only_of_country.country = placed.country
),
due AS MATERIALIZED (
    SELECT c.id FROM customers_customer c JOIN found ON found.id = c.id
    WHERE (c.nearest_store_id, c.nearest_store_km) IS DISTINCT FROM (found.store_id, found.km)
    ORDER BY c.id FOR NO KEY UPDATE OF c
),
moved AS (
    UPDATE customers_customer c SET nearest_store_id = found.store_id, nearest_store_km = found.km
    FROM found, due WHERE due.id = c.id AND found.id = c.id
    RETURNING c.id
),
told AS ({touch_sql(f"SELECT id, {PROFILE}::bigint FROM moved")})
SELECT count(*) FROM moved
"""  # noqa: S608 - constants only


def locate(customer_ids: Collection[int]) -> int:
    """Find these customers' nearest stores anew, tell the listeners of whom it changed, return how many; one query."""
    return _locate("c.id = ANY(%(ids)s)", {"ids": sorted(customer_ids)}) if customer_ids else 0


def locate_everybody() -> int:
    """Do the same for all customers, in chunks of ids that each commit, so that nobody waits long for a row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM customers_customer")
        first, last = cursor.fetchone()
    starts = range(first, last + 1, CHUNK) if first is not None else ()
    return sum(
        _locate("c.id >= %(first)s AND c.id < %(end)s", {"first": start, "end": start + CHUNK})
        for start in starts
    )


def _locate(scope: str, which: dict[str, Any]) -> int:
    limits = {
        "most_km": settings.NEAREST_STORE_KM,
        "degrees": settings.NEAREST_STORE_KM / _KM_PER_DEGREE,
        "consumers": sorted(settings.TOUCHED_CONSUMERS),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCATE.format(scope=scope), which | limits)
        return int(cursor.fetchone()[0])
