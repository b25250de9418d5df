"""Who gets which variant: a hash of the salt and the customer's public id, the same in Python and PostgreSQL.

The bucket is the first 15 hexadecimal digits of SHA-256(salt + ":" + lower-case hyphenated public id) as an
integer in [0, 2⁶⁰). Cumulative weights become integer thresholds, so that no rounding can move anybody.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

BUCKETS = 2**60
WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """A variant's key and its weight in basis points (hundredths of a per cent)."""

    key: str
    weight: int


def bucket(*, salt: str, public_id: UUID) -> int:
    """The customer's bucket in [0, 2⁶⁰) for this salt."""
    return int(sha256(f"{salt}:{public_id}".encode()).hexdigest()[:15], 16)


def thresholds(shares: Sequence[Share], *, whole: int = WHOLE) -> tuple[int, ...]:
    """The first bucket beyond each variant, in the order given; the last is 2⁶⁰.

    bucket·whole < cumulative·2⁶⁰ holds exactly when bucket < ⌈cumulative·2⁶⁰ / whole⌉. Raises
    ValueError unless the weights are not negative and add up to `whole`, 10,000 unless part of them is drawn apart.
    """
    weights = [share.weight for share in shares]
    if any(weight < 0 for weight in weights) or sum(weights) != whole:
        raise ValueError(f"weights must be basis points that add up to {whole}, not {weights}")
    return tuple(-(-cumulative * BUCKETS // whole) for cumulative in accumulate(weights))


def variant_of(*, salt: str, public_id: UUID, shares: Sequence[Share], whole: int = WHOLE) -> str:
    """The key of the variant that this customer belongs to."""
    limits = thresholds(shares, whole=whole)
    return shares[bisect_right(limits, bucket(salt=salt, public_id=public_id))].key


def variants_of(*, salt: str, public_ids: Iterable[UUID], shares: Sequence[Share]) -> NDArray[np.str_]:
    """The variant keys of many customers, in their order."""
    buckets = np.fromiter((bucket(salt=salt, public_id=one) for one in public_ids), dtype=np.int64)
    positions = np.searchsorted(np.array(thresholds(shares), dtype=np.int64), buckets, side="right")
    return np.array([share.key for share in shares])[positions]


def bucket_sql(*, salt: str, public_id: str) -> tuple[str, list[object]]:
    """The bucket as a PostgreSQL bigint expression and its parameters; `public_id` is trusted uuid SQL."""
    digest = f"encode(sha256(convert_to(%s || ':' || ({public_id})::text, 'UTF8')), 'hex')"
    return f"('x' || substr({digest}, 1, 15))::bit(60)::bigint", [salt]


def variant_sql(
    *, salt: str, public_id: str, shares: Sequence[Share], whole: int = WHOLE
) -> tuple[str, list[object]]:
    """The variant key as a PostgreSQL text expression with its parameters, hashing once a row.

    width_bucket counts the thresholds at or below the bucket, just as `variant_of` does.
    """
    inner, parameters = bucket_sql(salt=salt, public_id=public_id)
    keys = [share.key for share in shares]
    limits = list(thresholds(shares, whole=whole))[:-1]
    return f"(%s::text[])[1 + width_bucket({inner}, %s::bigint[])]", [keys, *parameters, limits]
