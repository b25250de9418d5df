import pytest

from accounts.models import Role, User
from rules.models import RuleSet, RuleTest
from rules.versions import publish_document

BRITISH = {"name": "British", "when": {"attribute": "country", "value": "GB"}, "then": {"show": "uk"}}
LOYAL = {
    "name": "loyal",
    "when": {"fact": "orders_count", "op": "gte", "value": 3},
    "then": {"show": "loyal"},
}
OTHERWISE = {"show": "default", "set": {"headline": "Hello"}}


def document(*rules: dict, otherwise: dict = OTHERWISE) -> dict:
    return {"rules": list(rules), "otherwise": otherwise}


def case(rule_set: RuleSet, name: str, customer: dict, expected: dict) -> RuleTest:
    return RuleTest.objects.create(rule_set=rule_set, name=name, customer=customer, expected=expected)


def needing_approval(rule_set: RuleSet) -> None:
    rule_set.needs_approval = True
    rule_set.save(update_fields=["needs_approval"])


@pytest.fixture
def hero(db) -> RuleSet:
    return RuleSet.objects.create(key="hero", name="Hero", slot="hero")


@pytest.fixture
def live(hero):
    """Publish a document for the hero."""

    def make(*rules: dict, otherwise: dict = OTHERWISE):
        return publish_document(hero, document(*rules, otherwise=otherwise))

    return make


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada@example.com", role=Role.MARKETER, name="Ada")


@pytest.fixture
def bob(db) -> User:
    return User.objects.create_user("bob@example.com", role=Role.APPROVER, name="Bob")


@pytest.fixture
def root(db) -> User:
    return User.objects.create_user("root@example.com", role=Role.ADMIN, name="Root")
