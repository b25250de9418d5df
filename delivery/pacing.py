"""Token buckets: rates that all workers keep together and that outlive a restart. In Valkey, or else in PostgreSQL."""

import logging

import redis
from django.db import connection

from common import valkey
from delivery.models import Dispatch

logger = logging.getLogger(__name__)

# Valkey's own clock; the bucket holds one second's worth. KEYS[1]: bucket. ARGV: rate per second, tokens wanted.
_TAKE = """
local at = redis.call('TIME')
local moment = at[1] + at[2] / 1000000
local rate = tonumber(ARGV[1])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'moment')
local tokens = math.min(rate, (tonumber(bucket[1]) or rate) + (moment - (tonumber(bucket[2]) or moment)) * rate)
local taken = math.min(math.floor(tokens), tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - taken), 'moment', tostring(moment))
redis.call('EXPIRE', KEYS[1], 86400)
return taken
"""
# The same by PostgreSQL's clock.
_TAKE_FROM_TABLE = """
WITH old AS (
    SELECT tokens, moment FROM delivery_bucket WHERE name = %(name)s FOR UPDATE
), filled AS (
    SELECT least(%(rate)s::float, old.tokens + extract(epoch FROM clock_timestamp() - old.moment) * %(rate)s) AS tokens
    FROM old
), taken AS (
    SELECT tokens, greatest(0, least(floor(tokens), %(wanted)s)) AS count FROM filled
), kept AS (
    UPDATE delivery_bucket SET tokens = taken.tokens - taken.count, moment = clock_timestamp()
    FROM taken WHERE name = %(name)s
)
SELECT count::int FROM taken
"""


def take(bucket: str, *, rate_per_second: int, wanted: int) -> int:
    """Take up to `wanted` permissions to send now and return how many there were (0 to `wanted`).

    While Valkey is away a row keeps the bucket: slower, and as strict.
    """
    try:
        return int(valkey.client().eval(_TAKE, 1, _key(bucket), rate_per_second, wanted))
    except redis.RedisError as error:
        logger.warning("Valkey cannot say how fast to send; PostgreSQL does: %s", error)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO delivery_bucket (name, tokens, moment) VALUES (%s, %s, clock_timestamp())
            ON CONFLICT (name) DO NOTHING
            """,
            [bucket, rate_per_second],
        )
        cursor.execute(_TAKE_FROM_TABLE, {"name": bucket, "rate": rate_per_second, "wanted": wanted})
        return int(cursor.fetchone()[0])


def give_back(bucket: str, *, count: int) -> None:
    """Return permissions that were not used; those that cannot be returned are missed for a second at most."""
    if count <= 0:
        return
    try:
        valkey.client().hincrbyfloat(_key(bucket), "tokens", count)
    except redis.RedisError as error:
        logger.warning("%s permissions to send are not given back: %s", count, error)


def allowance(dispatch: Dispatch, *, wanted: int) -> tuple[int, str]:
    """How many messages the sender's and the dispatch's rate allow now; and, if none, in words what it waits for."""
    sender = dispatch.sender
    allowed = take(sender_bucket(sender.pk), rate_per_second=sender.rate_per_second, wanted=wanted)
    if not allowed:
        return 0, f"the sender's rate of {sender.rate_per_second} a second"
    if dispatch.rate_per_second is None:
        return allowed, ""
    rate = dispatch.rate_per_second
    within = take(dispatch_bucket(dispatch.pk), rate_per_second=rate, wanted=allowed)
    give_back(sender_bucket(sender.pk), count=allowed - within)
    return within, "" if within else f"its own rate of {rate} a second"


def give_back_to(dispatch: Dispatch, *, count: int) -> None:
    """Return what `allowance` allowed and nobody used."""
    give_back(sender_bucket(dispatch.sender_id), count=count)
    if dispatch.rate_per_second is not None:
        give_back(dispatch_bucket(dispatch.pk), count=count)


def sender_bucket(sender_id: int) -> str:
    """The name of a sender's bucket."""
    return f"sender:{sender_id}"


def dispatch_bucket(dispatch_id: int) -> str:
    """The name of a dispatch's bucket."""
    return f"dispatch:{dispatch_id}"


def _key(bucket: str) -> str:
    return f"regards:pace:{bucket}"
