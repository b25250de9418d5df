"""The demo's experiment of the years before."""

import pytest

from demo.earlier_experiment import KEY, bring_earlier_experiment
from experiments.importing.storing import imported_report
from experiments.models import Experiment

pytestmark = pytest.mark.django_db


def test_it_is_brought_once_and_its_catalogue_by_mail_wins() -> None:
    assert [bring_earlier_experiment() for _ in range(2)] == [True, False]
    report = imported_report(Experiment.objects.get(key=KEY))
    assert report.verdict.sentence.startswith("Catalogue by mail does better than No mail. ")
    assert [one.significant for one in report.comparisons if one.metric.name == "spend"] == [False, True]
    adjusted = report.comparisons[-1].adjusted
    assert adjusted is not None
    assert 0.05 < adjusted.variance_saved < 0.5
