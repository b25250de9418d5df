"""Which scores there are to choose from."""

from django.core.cache import cache
from django.db import connection

KEPT_SECONDS = 60
# One step in the index for each kind, however many customers have it.
_KINDS = """
WITH RECURSIVE found AS (
  (SELECT kind FROM customers_score ORDER BY kind LIMIT 1)
  UNION ALL
  SELECT (SELECT s.kind FROM customers_score s WHERE s.kind > f.kind ORDER BY s.kind LIMIT 1)
  FROM found f WHERE f.kind IS NOT NULL
)
SELECT kind FROM found WHERE kind IS NOT NULL
"""


def stored_kinds() -> list[str]:
    """The kinds of scores that somebody has, in order; asked of the database once a minute."""
    kinds: list[str] = cache.get_or_set("segments:score-kinds", _read, timeout=KEPT_SECONDS) or []
    return kinds


def _read() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_KINDS)
        return [kind for (kind,) in cursor.fetchall()]
