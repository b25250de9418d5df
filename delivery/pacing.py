"""One token bucket a sender, in Valkey: a rate that all workers keep together and that outlives a restart."""

import logging

import redis

from common import valkey

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


def take(sender_id: int, *, rate_per_second: int, wanted: int) -> int:
    """Take up to `wanted` permissions to send now and return how many there were (0 to `wanted`)."""
    taken = valkey.client().eval(_TAKE, 1, f"regards:pace:{sender_id}", rate_per_second, wanted)
    return int(taken)


def give_back(sender_id: int, *, count: int) -> None:
    """Return permissions that were not used; those that cannot be returned are missed for a second at most."""
    if count <= 0:
        return
    try:
        valkey.client().hincrbyfloat(f"regards:pace:{sender_id}", "tokens", count)
    except redis.RedisError:
        logger.warning("%s permissions to send are not given back", count, exc_info=True)
