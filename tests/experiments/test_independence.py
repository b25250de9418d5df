"""Assignment is uniform, and one experiment's says nothing about another's."""

from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest
from scipy import stats

from experiments.stats.assignment import BUCKETS, Share, bucket, variants_of
from experiments.stats.srm import sample_ratio

SHARES = [Share("a", 4_500), Share("b", 4_500), Share("no_mail", 1_000)]
WEIGHTS = [share.weight for share in SHARES]
TIERS = [
    pytest.param(60, 1_500, id="60 salts"),
    pytest.param(1_000, 20_000, id="1,000 salts", marks=pytest.mark.long),
]


def splits(salts: int, customers: int) -> np.ndarray:
    """Everybody's arm as a number (salts, customers), for names that follow each other as experiments' do."""
    bits = np.random.default_rng(12).bytes(16 * customers)
    ids = [UUID(bytes=bits[start : start + 16]) for start in range(0, len(bits), 16)]
    keys = np.array([share.key for share in SHARES])
    found = [variants_of(salt=f"campaign-{number}", public_ids=ids, shares=SHARES) for number in range(salts)]
    return np.array([np.searchsorted(keys, one) for one in found])


@pytest.mark.parametrize(("salts", "customers"), TIERS)
def test_p_values_of_the_splits_are_uniform_and_so_are_those_of_pairs(salts: int, customers: int) -> None:
    arms = splits(salts, customers)
    sizes = [np.bincount(one, minlength=3).tolist() for one in arms]
    alone = [sample_ratio(observed=counts, weights=WEIGHTS).p_value for counts in sizes]
    pairs = [np.bincount(3 * one + two, minlength=9).reshape(3, 3) for one, two in pairwise(arms)]
    joint = [stats.chi2_contingency(table).pvalue for table in pairs]
    assert stats.kstest(alone, "uniform").pvalue > 0.01
    assert stats.kstest(joint, "uniform").pvalue > 0.01


@pytest.mark.parametrize("salt", ["spring", "spring2", ""])
def test_buckets_of_numbered_customers_are_uniform(salt: str) -> None:
    found = [bucket(salt=salt, public_id=UUID(int=number)) / BUCKETS for number in range(5_000)]
    assert stats.kstest(found, "uniform").pvalue > 0.001
