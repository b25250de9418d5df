"""Profiles that may be one person: found every night, reviewed by people, decisions remembered.

Names are compared without accents and case by their trigrams, among customers who were born on the same day and share
an initial. A day with more than 200 birthdays (a placeholder, mostly) is split by initials; what is still larger is
left out. So a million customers cost some hundred million cheap comparisons at most, whatever their data look like.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from common.clock import now
from customers.merging import MergeRefused, merge
from customers.models import DuplicatePair, Merge

LIKE_ENOUGH = 0.55
LARGEST_BLOCK = 200
LARGEST_PHONE_BLOCK = 5
MOST_NEW = 10_000
_KEEP = """
INSERT INTO customers_duplicatepair (first_id, second_id, reason, evidence, likeness, state)
SELECT first_id, second_id, %(reason)s, evidence, likeness, 'waiting' FROM ({pairs}) found
ORDER BY likeness DESC, first_id, second_id LIMIT %(most)s ON CONFLICT (first_id, second_id) DO NOTHING
"""
_BY_NAME = """
WITH people AS MATERIALIZED (
  SELECT id, birth_date, plain.name, first_name || ' ' || last_name AS written,
    ARRAY(SELECT DISTINCT left(word, 1) FROM string_to_table(plain.name, ' ') word WHERE word <> '' ORDER BY 1)
      AS initials
  FROM customers_customer, LATERAL (
    SELECT lower(regexp_replace(normalize(first_name || ' ' || last_name, NFD), '[\u0300-\u036f]', '', 'g')) AS name
  ) plain
  WHERE birth_date IS NOT NULL AND NOT is_anonymous AND first_name || last_name <> ''
), blocked AS (
  SELECT *, birth_date || CASE WHEN count(*) OVER (PARTITION BY birth_date) > %(largest)s THEN initials::text
    ELSE '' END AS block FROM people
), sized AS MATERIALIZED (SELECT *, count(*) OVER (PARTITION BY block) AS size FROM blocked)
SELECT a.id AS first_id, b.id AS second_id, similarity(a.name, b.name) AS likeness,
  left(a.written || ' / ' || b.written, 300) AS evidence
FROM sized a JOIN sized b ON a.block = b.block AND a.id < b.id
WHERE a.size <= %(largest)s AND a.initials && b.initials AND similarity(a.name, b.name) >= %(like_enough)s
"""
_BY_PHONE = """
WITH people AS MATERIALIZED (
  SELECT id, first_name || ' ' || last_name AS name, phone.digits FROM customers_customer,
    LATERAL (SELECT regexp_replace(attributes->>'phone', '[^0-9]', '', 'g') AS digits) phone
  WHERE attributes ? 'phone' AND NOT is_anonymous AND length(phone.digits) >= 7
), sized AS MATERIALIZED (SELECT *, count(*) OVER (PARTITION BY digits) AS size FROM people)
SELECT a.id AS first_id, b.id AS second_id, greatest(similarity(a.name, b.name), 0.5) AS likeness,
  a.digits AS evidence
FROM sized a JOIN sized b ON a.digits = b.digits AND a.id < b.id WHERE a.size <= %(largest_phone)s
"""


def find_duplicates() -> int:
    """Look through all customers for pairs that may be one person; return how many were not known yet.

    Two statements; each adds its 10,000 most alike at most.
    """
    parameters = {
        "largest": LARGEST_BLOCK,
        "largest_phone": LARGEST_PHONE_BLOCK,
        "like_enough": LIKE_ENOUGH,
        "most": MOST_NEW,
    }
    found = 0
    with connection.cursor() as cursor:
        for pairs, reason in (
            (_BY_NAME, DuplicatePair.Reason.NAME_AND_BIRTHDAY),
            (_BY_PHONE, DuplicatePair.Reason.PHONE),
        ):
            cursor.execute(_KEEP.format(pairs=pairs), parameters | {"reason": reason})
            found += cursor.rowcount
    return found


def suspect(pairs: Iterable[tuple[int, int, str]], *, reason: str) -> None:
    """List pairs of customer ids for review, with the evidence, unless they are listed or were decided on."""
    rows = sorted({(min(a, b), max(a, b)): evidence for a, b, evidence in pairs if a != b}.items())
    DuplicatePair.objects.bulk_create(
        [
            DuplicatePair(first_id=first, second_id=second, reason=reason, evidence=evidence[:300])
            for (first, second), evidence in rows
        ],
        ignore_conflicts=True,
    )


def waiting_count() -> int:
    """Return how many pairs wait for somebody to decide."""
    return DuplicatePair.objects.waiting().count()


def merge_pair(pair_id: int, *, by: int | None) -> Merge:
    """Merge a pair into the profile with the older id; raises MergeRefused where it was decided already."""
    with transaction.atomic():
        pair = _undecided(pair_id)
        row = merge(
            pair.first_id, pair.second_id, cause=Merge.Cause.REVIEW, evidence=pair.get_reason_display(), by=by
        )
        _decide(pair, DuplicatePair.State.MERGED, by=by)
    return row


def keep_apart(pair_id: int, *, by: int | None) -> None:
    """Remember that these are two people; raises MergeRefused where it was decided already."""
    with transaction.atomic():
        _decide(_undecided(pair_id), DuplicatePair.State.DIFFERENT, by=by)


def _undecided(pair_id: int) -> DuplicatePair:
    pair = (
        DuplicatePair.objects.select_for_update()
        .filter(pk=pair_id, state=DuplicatePair.State.WAITING)
        .first()
    )
    if pair is None:
        raise MergeRefused("Somebody has decided on this pair already.")
    return pair


def _decide(pair: DuplicatePair, state: DuplicatePair.State, *, by: int | None) -> None:
    pair.state, pair.decided_at, pair.decided_by_id = state, now(), by
    pair.save(update_fields=["state", "decided_at", "decided_by"])
