import pytest

from rules.models import RuleSet
from rules.versions import publish, save_version

BRITISH = {"name": "British", "when": {"attribute": "country", "value": "GB"}, "then": {"show": "uk"}}
OTHERWISE = {"show": "default", "set": {"headline": "Hello"}}


def document(*rules: dict, otherwise: dict = OTHERWISE) -> dict:
    return {"rules": list(rules), "otherwise": otherwise}


@pytest.fixture
def hero(db) -> RuleSet:
    return RuleSet.objects.create(key="hero", name="Hero", slot="hero")


@pytest.fixture
def live(hero):
    """Store and publish a document for the hero."""

    def make(*rules: dict, otherwise: dict = OTHERWISE):
        version = save_version(hero, document(*rules, otherwise=otherwise))
        publish(version)
        return version

    return make
