"""Who gets which variant."""

from hashlib import sha256
from uuid import UUID

import numpy as np
import pytest

from experiments.stats.assignment import BUCKETS, Share, bucket, thresholds, variant_of, variants_of
from experiments.stats.srm import sample_ratio

SHARES = [Share("a", 4500), Share("b", 4500), Share("no_mail", 1000)]
IDS = [UUID(bytes=np.random.default_rng(seed).bytes(16)) for seed in range(2000)]


def test_the_bucket_is_the_first_15_hex_digits_of_the_salted_hash() -> None:
    public_id = UUID("0E8DD1A2-6F5B-4B3C-9D2E-5A1F00C0FFEE")
    digest = sha256(b"spring:0e8dd1a2-6f5b-4b3c-9d2e-5a1f00c0ffee").hexdigest()
    assert bucket(salt="spring", public_id=public_id) == int(digest[:15], 16)


def test_a_bucket_written_down_once_never_moves() -> None:
    assert bucket(salt="spring", public_id=UUID(int=1)) == 181131640419994977


def test_thresholds_are_exact_and_end_at_the_last_bucket() -> None:
    limits = thresholds(SHARES)
    assert limits[-1] == BUCKETS
    assert (limits[0] - 1) * 10_000 < 4500 * BUCKETS <= limits[0] * 10_000


def test_many_at_once_get_what_each_would_get_alone() -> None:
    alone = [variant_of(salt="x", public_id=one, shares=SHARES) for one in IDS]
    assert variants_of(salt="x", public_ids=IDS, shares=SHARES).tolist() == alone


def test_the_split_follows_the_weights() -> None:
    found = variants_of(salt="x", public_ids=IDS, shares=SHARES)
    observed = [int((found == share.key).sum()) for share in SHARES]
    assert sample_ratio(observed=observed, weights=[4500, 4500, 1000]).p_value > 0.01


def test_another_salt_splits_independently() -> None:
    first = variants_of(salt="x", public_ids=IDS, shares=SHARES) == "a"
    second = variants_of(salt="y", public_ids=IDS, shares=SHARES) == "a"
    assert np.mean(first & second) == pytest.approx(0.45**2, abs=0.03)


def test_a_variant_without_weight_gets_nobody() -> None:
    shares = [Share("a", 5000), Share("none", 0), Share("b", 5000)]
    assert set(variants_of(salt="x", public_ids=IDS, shares=shares)) == {"a", "b"}


@pytest.mark.parametrize("weights", [[5000, 4999], [10_001], [], [11_000, -1000]])
def test_weights_that_do_not_add_up_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="add up to 10000"):
        thresholds([Share(str(index), weight) for index, weight in enumerate(weights)])
