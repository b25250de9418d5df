from datetime import UTC, datetime, timedelta

import pytest

from common import figures

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123450, "GBP", "£1,234.50"),
        (-5, "EUR", "−€0.05"),
        (1200, "JPY", "1,200 JPY"),
        (0, "USD", "$0.00"),
        (None, "GBP", "–"),
    ],
)
def test_money_reads_as_an_amount(amount: int | None, currency: str, text: str) -> None:
    assert figures.money(amount, currency) == text


def test_percent_takes_a_share() -> None:
    assert [
        figures.percent(0.1234),
        figures.percent(-0.005),
        figures.percent(1, 0),
        figures.percent(None),
    ] == [
        "12.3 %",
        "−0.5 %",
        "100 %",
        "–",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (950, "950"),
        (1000, "1k"),
        (12_400, "12.4k"),
        (999_999, "1M"),
        (124_000, "124k"),
        (3_100_000, "3.1M"),
        (-2_000, "−2k"),
        (2_500_000_000, "2.5B"),
    ],
)
def test_compact_keeps_three_digits(number: int, text: str) -> None:
    assert figures.compact(number) == text


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(hours=5, minutes=59), "5 hours ago"),
        (timedelta(days=45), "1 month ago"),
        (timedelta(days=-2), "in 2 days"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_ago_names_the_largest_unit(distance: timedelta, text: str) -> None:
    assert figures.ago(NOW - distance, NOW) == text
