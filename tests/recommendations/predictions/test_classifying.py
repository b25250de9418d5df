"""Four families compete, and what is kept of the champion predicts the same."""

from pathlib import Path

import numpy as np
import pytest

from recommendations.engines import artefacts
from recommendations.predictions.methods import classification
from recommendations.predictions.methods.classification import Predictor, TooFewExamplesError, compete, fit
from recommendations.predictions.methods.families import FAMILIES, Scaling
from recommendations.predictions.methods.tables import Encoding, Table
from recommendations.predictions.methods.validation import Calibration, shuffled_folds


def made_up(rows: int = 600) -> tuple[Table, np.ndarray]:
    """`recency` and `country` decide, `noise` does not; some recencies are missing."""
    rng = np.random.default_rng(4)
    recency, country = rng.exponential(30, rows), rng.choice(["GB", "DE", ""], rows)
    chance = 1 / (1 + np.exp(recency / 20 - 1 - 1.5 * (country == "GB")))
    recency[::10] = np.nan
    target = (rng.random(rows) < chance).astype(np.float64)
    return Table({"recency": recency, "country": country, "noise": rng.normal(size=rows)}), target


@pytest.fixture(scope="module")
def competition() -> classification.Competition:
    table, target = made_up()
    return compete(table, target, shuffled_folds(target.astype(int)))


def test_every_family_is_judged_and_the_lowest_log_loss_wins(competition: classification.Competition) -> None:
    losses = {name: judged.metrics.log_loss for name, judged in competition.judged.items()}
    assert set(losses) == {"logistic", "forest", "boosting", "network"}
    assert competition.champion == min(losses, key=losses.__getitem__)
    assert all(0.65 < judged.metrics.auc < 0.85 for judged in competition.judged.values())


def test_a_column_is_worth_what_is_lost_without_it(competition: classification.Competition) -> None:
    worth = competition.importance
    assert worth["recency"] > worth["country"] > 0.02 > abs(worth["noise"])
    assert competition.fill_rates["recency"] == 0.9
    assert competition.fill_rates["country"] == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_stored_predicts_the_same(name: str, tmp_path: Path) -> None:
    table, target = made_up(300)
    encoding = Encoding.of(table)
    first = Predictor(encoding, FAMILIES[name].fit(encoding.matrix(table), target), Calibration(0.8, -0.1))
    arrays, metadata = first.stored()
    digest = artefacts.save(tmp_path / "model.npz", arrays=dict(arrays), metadata=metadata)
    again = Predictor.from_stored(*artefacts.load(tmp_path / "model.npz", sha256=digest))
    assert np.array_equal(first.probability(table), again.probability(table))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_rows_give_the_same_model(name: str) -> None:
    table, target = made_up(300)
    features = Encoding.of(table).matrix(table)
    one, other = (FAMILIES[name].fit(features, target).probability(features) for _ in range(2))
    assert np.array_equal(one, other)


def test_the_champion_is_fitted_with_its_calibration(competition: classification.Competition) -> None:
    table, target = made_up()
    predictor = fit(table, target, competition)
    assert predictor.classifier.name == competition.champion
    assert predictor.calibration == competition.calibration
    assert predictor.probability(table).mean() == pytest.approx(target.mean(), abs=0.05)


def test_too_few_of_one_outcome_are_refused() -> None:
    table, target = made_up()
    target[:] = 0
    target[:49] = 1
    with pytest.raises(TooFewExamplesError, match="not enough data: 49 of 50 positive rows"):
        compete(table, target, shuffled_folds(target.astype(int)))


def test_an_unknown_or_missing_value_is_no_level() -> None:
    encoding = Encoding.of(Table({"country": np.array(["GB"] * 5 + ["DE"] * 3)}))
    assert encoding.matrix(Table({"country": np.array(["DE", "FR", ""])})).tolist() == [
        [0, 1],
        [0, 0],
        [0, 0],
    ]


def test_missing_numbers_are_average_and_said_to_be_missing() -> None:
    scaled = Scaling.of(np.array([[1.0], [2.0], [3.0]])).apply(np.array([[2.0], [np.nan], [99.0]]))
    assert scaled[:, 1].tolist() == [0.0, 1.0, 0.0]
    assert scaled[0, 0] == pytest.approx(0.0)
    assert scaled[1, 0] == 0.0
    assert scaled[2, 0] == pytest.approx(3.0, abs=0.01)


def test_a_column_without_any_value_does_no_harm() -> None:
    assert Scaling.of(np.full((3, 1), np.nan)).apply(np.array([[np.nan]])).tolist() == [[0.0, 1.0]]
