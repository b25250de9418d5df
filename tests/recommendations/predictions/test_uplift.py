"""Who acts because of a mailing."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from recommendations.predictions.files import read_table
from recommendations.predictions.methods import uplift
from recommendations.predictions.methods.tables import Table
from recommendations.predictions.methods.uplift import (
    TooFewTreatedError,
    after_treatment,
    evaluate,
    qini,
    qini_curve,
)

FILE = Path(__file__).resolve().parents[4] / "shared" / "data" / "hillstrom_email.csv.gz"


def experiment(rows: int, *, differs: bool) -> tuple[Table, np.ndarray, np.ndarray]:
    """Half are mailed; it helps by 30 points those below 40 where it `differs`, else all by 15."""
    rng = np.random.default_rng(6)
    age, treated = rng.uniform(20, 60, rows), (rng.random(rows) < 0.5).astype(np.float64)
    effect = np.where(age < 40, 0.3, 0.0) if differs else np.full(rows, 0.15)
    outcome = (rng.random(rows) < 0.1 + effect * treated).astype(np.float64)
    return Table({"age": age, "noise": rng.normal(size=rows)}), treated, outcome


def test_it_finds_whom_the_mailing_moves() -> None:
    judged = evaluate(*experiment(6000, differs=True))
    assert judged.has_evidence
    assert judged.verdict.startswith("The effect differs between people")
    assert judged.effect.low < 0.15 < judged.effect.high
    assert judged.curve[5] > 0.85 * judged.curve[10]
    assert judged.columns["age"]["importance"] > 0.9 * judged.qini.estimate
    assert abs(judged.columns["noise"]["importance"]) < 0.1 * judged.qini.estimate
    assert judged.columns["age"]["fill_rate"] == 1.0


def test_without_a_difference_it_says_so_and_gives_the_average_effect() -> None:
    judged = evaluate(*experiment(4000, differs=False))
    assert not judged.has_evidence
    assert judged.verdict.startswith("There is no evidence that the effect differs between people")
    assert judged.qini.low < 0 < judged.qini.high
    assert judged.effect.low < 0.15 < judged.effect.high


def test_the_qini_curve_counts_what_was_gained() -> None:
    effects, treated, outcome = (
        np.array(row, dtype=float) for row in ([4, 3, 2, 2], [1, 0, 1, 0], [1, 0, 0, 1])
    )
    positions, gains = qini_curve(effects, treated, outcome)
    assert (positions.tolist(), gains.tolist()) == ([0, 1, 2, 4], [0, 1, 1, 0])


def test_the_perfect_order_has_a_qini_of_one_and_the_opposite_is_below_zero() -> None:
    _, treated, outcome = experiment(500, differs=True)
    perfect = outcome * (2 * treated - 1)
    assert qini(perfect, treated, outcome) == 1.0
    assert qini(-perfect, treated, outcome) < 0
    assert qini(np.zeros(500), treated, outcome) == 0.0


@pytest.mark.parametrize(
    ("treated", "outcomes", "message"),
    [
        (400, 100, "not enough data: 400 of 500 treated customers"),
        (700, 49, "not enough data: 49 of 50 outcomes among the 700 treated customers"),
        (1600, 100, "not enough data: 400 of 500 control customers"),
    ],
)
def test_small_arms_and_rare_outcomes_are_refused(treated: int, outcomes: int, message: str) -> None:
    given = np.repeat([1.0, 0.0], [treated, 2000 - treated])
    outcome = np.zeros(2000)
    outcome[:outcomes] = 1
    outcome[-100:] = 1
    with pytest.raises(TooFewTreatedError, match=message):
        uplift.require_enough(given, outcome)


def test_columns_in_which_the_arms_differ_are_named() -> None:
    table, treated, outcome = experiment(2000, differs=True)
    spend = Table({**table.columns, "spend": outcome * 10, "nothing": np.full(2000, np.nan)})
    assert after_treatment(spend, treated) == ["spend"]


@pytest.mark.shared_data
@pytest.mark.long
@pytest.mark.parametrize("outcome", ["visit", "conversion"])
def test_hillstroms_mail_for_women_moves_visits_of_some_and_sales_of_all(
    tmp_path: Path, outcome: str
) -> None:
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/hillstrom_email.csv.gz is absent: uplift was not held against real data")
    with gzip.open(FILE, "rt") as lines, (tmp_path / "women.csv").open("w") as out:
        rows = [row for row in csv.DictReader(lines) if row["segment"] != "Mens E-Mail"]
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows({**row, "segment": int(row["segment"] == "Womens E-Mail")} for row in rows)
    later = {"visit", "conversion", "spend"} - {outcome}
    table, (treated, happened) = read_table(tmp_path / "women.csv", outcomes=["segment", outcome], drop=later)
    judged = evaluate(table, treated, happened)
    if outcome == "visit":
        assert judged.has_evidence
        assert judged.qini.estimate >= 0.058
    else:
        assert judged.qini.low < 0 < judged.qini.high
        assert (round(judged.treated_rate, 4), round(judged.control_rate, 4)) == (0.0088, 0.0057)
