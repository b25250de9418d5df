"""From percentages to whole basis points: nobody is lost, and what does not add up is refused by name."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.splitting import BadSplit, apportioned, split

THIRDS = [Decimal(33), Decimal(33), Decimal(34)]


def test_thirds_of_everybody_are_exact() -> None:
    assert split(no_mail_percent=0, baseline_percent=0, arms=THIRDS).arms == (3300, 3300, 3400)


def test_arms_share_what_the_holdouts_leave() -> None:
    found = split(no_mail_percent=10, baseline_percent=50, arms=THIRDS)
    assert (found.no_mail, found.baseline, found.arms) == (1000, 4500, (1485, 1485, 1530))


def test_what_does_not_come_out_even_goes_to_the_largest_remainder() -> None:
    third = Decimal("33.33")
    assert split(no_mail_percent=1, baseline_percent=0, arms=[third, third, Decimal("33.34")]).arms == (
        3300,
        3300,
        3300,
    )


@pytest.mark.parametrize(
    ("arms", "sentence"),
    [
        (["33", "33", "33"], "make 99 %: they have to add up to 100 % (33 + 33 + 33)."),
        (["60", "40.5"], "make 100.5 %: they have to add up to 100 % (60 + 40.5)."),
        (["100", "100"], "make 200 %: they have to add up to 100 % (100 + 100)."),
    ],
)
def test_a_sum_that_is_not_a_hundred_is_refused_and_named(arms: list[str], sentence: str) -> None:
    with pytest.raises(BadSplit) as refused:
        split(no_mail_percent=0, baseline_percent=0, arms=[Decimal(one) for one in arms])
    assert str(refused.value) == f"The shares of the arms {sentence}"


def test_an_arm_that_nobody_would_be_in_is_refused() -> None:
    with pytest.raises(BadSplit, match="less than one in 10,000"):
        split(no_mail_percent=50, baseline_percent=99, arms=[Decimal("0.01"), Decimal("99.99")])


@given(st.integers(0, 10_000), st.lists(st.integers(1, 10_000), min_size=1, max_size=6))
def test_parts_add_up_and_none_is_further_than_one_from_its_due(whole: int, shares: list[int]) -> None:
    parts = apportioned(whole, shares)
    assert sum(parts) == whole
    assert all(abs(part - whole * share / sum(shares)) < 1 for part, share in zip(parts, shares, strict=True))
