"""The whole analysis on Kevin Hillstrom's e-mail experiment: 64,000 customers, three arms, two weeks."""

import csv
import gzip
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from experiments.analysis import analyse
from experiments.outcomes import ArmOutcomes, Role
from experiments.report import ExperimentReport
from tests.experiments.arms import PLAN

pytestmark = pytest.mark.shared_data
FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "hillstrom_email.csv.gz"
ROLES: dict[str, tuple[str, Role, int]] = {
    "Womens E-Mail": ("A", "baseline", 3333),
    "Mens E-Mail": ("B", "treatment", 3333),
    "No E-Mail": ("none", "no_mail", 3334),
}
FIGURES = [(21387, 189, 2303811), (21307, 267, 3031169), (21306, 122, 1390833)]
HEADLINES = (
    "Personalising with Mens E-Mail, measured against the baseline Womens E-Mail, was "
    "worth +$7,359.76 of revenue within 14 days from 21,307 recipients (95% interval +$693.79 "
    "to +$14,025.73).",
    "Sending Womens E-Mail, measured against the no-mail holdout No E-Mail, was "
    "worth +$9,076.90 of revenue within 14 days from 21,387 recipients (95% interval +$3,613.48"
    " to +$14,540.33).",
    "Sending Mens E-Mail, measured against the no-mail holdout No E-Mail, was worth "
    "+$16,402.71 of revenue within 14 days from 21,307 recipients (97.5% interval +$9,465.80 to"
    " +$23,339.61).",
)


@pytest.fixture(scope="module")
def spend() -> dict[str, np.ndarray]:
    """Visit, conversion and spend in cents (columns) of each customer (rows), by arm."""
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/hillstrom_email.csv.gz is absent: the analysis was not held against real data")
    rows = defaultdict(list)
    with gzip.open(FILE, "rt") as lines:
        for row in csv.DictReader(lines):
            cents = round(float(row["spend"]) * 100)
            rows[row["segment"]].append((int(row["visit"]), int(row["conversion"]), cents))
    return {segment: np.array(found, dtype=np.int64) for segment, found in rows.items()}


@pytest.fixture(scope="module")
def report(spend: dict[str, np.ndarray]) -> ExperimentReport:
    arms = []
    for segment, (key, role, weight) in ROLES.items():
        visits, conversions, cents = spend[segment].T
        mailed = role != "no_mail"
        arms.append(
            ArmOutcomes(
                key=key,
                name=segment,
                role=role,
                weight=weight,
                assigned=len(cents),
                delivered=len(cents) * mailed,
                human_clicks=int(visits.sum()) * mailed,
                converters=int(conversions.sum()),
                orders=int(conversions.sum()),
                revenue_minor=int(cents.sum()),
                revenue_minor_squares=int((cents**2).sum()),
            )
        )
    return analyse(plan=replace(PLAN, name="Hillstrom", currency="USD", conversion_window_days=14), arms=arms)


def test_the_arms_are_the_published_ones(report: ExperimentReport) -> None:
    found = [
        (arm.outcomes.assigned, arm.outcomes.converters, arm.outcomes.revenue_minor) for arm in report.arms
    ]
    assert found == FIGURES


def test_the_split_is_sound(report: ExperimentReport) -> None:
    assert not report.assigned_ratio.alarm
    assert report.assigned_ratio.p_value == pytest.approx(0.8957, abs=1e-4)


@pytest.mark.parametrize(("metric", "column"), [("human_click", 0), ("conversion", 1)])
def test_its_rates_are_tested_as_statsmodels_would(
    report: ExperimentReport, spend: dict[str, np.ndarray], metric: str, column: int
) -> None:
    womens, mens = spend["Womens E-Mail"][:, column], spend["Mens E-Mail"][:, column]
    [ours] = [one for one in report.comparisons_with("baseline") if one.metric == metric]
    _, p_value = proportions_ztest([mens.sum(), womens.sum()], [len(mens), len(womens)])
    assert ours.p_value == pytest.approx(p_value, rel=1e-9)


@pytest.mark.parametrize("segment", ["Womens E-Mail", "Mens E-Mail"])
def test_revenue_against_no_mail_is_scipys_welch_on_the_raw_rows(
    report: ExperimentReport, spend: dict[str, np.ndarray], segment: str
) -> None:
    theirs = stats.ttest_ind(spend[segment][:, 2], spend["No E-Mail"][:, 2], equal_var=False)
    [ours] = [
        one
        for one in report.comparisons_with("no_mail")
        if one.metric == "revenue" and one.treatment.name == segment
    ]
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-8)
    bounds = theirs.confidence_interval(1 - ours.alpha)
    assert (ours.difference.low, ours.difference.high) == pytest.approx((bounds.low, bounds.high), rel=1e-8)


def test_the_mens_e_mail_wins_and_the_headline_says_what_it_was_worth(report: ExperimentReport) -> None:
    assert report.verdict.status == "winner"
    assert report.headlines == HEADLINES
