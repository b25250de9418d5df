"""Giving coupon codes to messages: each code once, and the same message the same code however often it is written."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection, transaction

from campaigns.models import CouponCode, CouponPool

LONGEST_CODE = 100
BATCH = 5_000

_GIVE = """
WITH wanted AS (
    SELECT id, row_number() OVER (ORDER BY id) AS number FROM unnest(%(messages)s::bigint[]) AS message (id)
    WHERE NOT EXISTS (
        SELECT FROM campaigns_couponcode has WHERE has.pool_id = %(pool)s AND has.message_id = message.id)
), free AS (
    SELECT id FROM campaigns_couponcode WHERE pool_id = %(pool)s AND message_id IS NULL
    ORDER BY id LIMIT (SELECT count(*) FROM wanted) FOR UPDATE SKIP LOCKED
), numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) AS number FROM free
)
UPDATE campaigns_couponcode code SET message_id = wanted.id, given_at = statement_timestamp()
FROM numbered JOIN wanted USING (number) WHERE code.id = numbered.id
"""


class BadCode(ValueError):
    """A code cannot be taken; the text names its line."""


def give(wishes: Mapping[int, Iterable[str]]) -> dict[int, dict[str, str]]:
    """Give each message a code of each pool that it wishes; returns the codes by message and pool.

    Two statements a pool. Of an empty pool, and of one that is not there, a message gets none. No code comes back: who
    knows whether it was read.
    """
    given: dict[int, dict[str, str]] = {message: {} for message in wishes}
    by_pool: dict[str, list[int]] = {}
    for message, keys in wishes.items():
        for key in keys:
            by_pool.setdefault(key, []).append(message)
    pools = CouponPool.objects.filter(key__in=by_pool).order_by("pk") if by_pool else ()
    for pool in pools:
        messages = sorted(by_pool[pool.key])
        with connection.cursor() as cursor:
            cursor.execute(_GIVE, {"pool": pool.pk, "messages": messages})
        codes = CouponCode.objects.filter(pool=pool, message__in=messages)
        for message, code in codes.values_list("message_id", "code"):
            if message is not None:
                given[message][pool.key] = code
    return given


@transaction.atomic
def add_codes(pool: CouponPool, lines: Sequence[str]) -> int:
    """Add codes to a pool, one a line, and return how many are new; those that it has are left as they are.

    Raises BadCode, and then adds nothing.
    """
    codes = {}
    for number, line in enumerate(lines, start=1):
        code = line.strip()
        if len(code) > LONGEST_CODE or not code.isprintable():
            raise BadCode(
                f"Line {number}: a code has up to {LONGEST_CODE} characters, all of them printable."
            )
        if code:
            codes[code] = CouponCode(pool=pool, code=code)
    before = pool.codes.count()
    CouponCode.objects.bulk_create(
        [codes[code] for code in sorted(codes)], ignore_conflicts=True, batch_size=BATCH
    )
    return pool.codes.count() - before
