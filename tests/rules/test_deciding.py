import random

import pytest

from customers.models import Customer
from products.models import Category, Product
from rules.deciding import decide, document_of, fallback_decision
from rules.documents import Recommendation
from rules.models import RuleSet
from rules.outcomes import outcome_of
from rules.versions import publish_document
from segments.conditions import Needs, needs
from segments.evaluator import load_profiles, matches
from tests.rules.conftest import BRITISH, document
from tests.segments.worlds import NOW, populate

pytestmark = pytest.mark.django_db


def rule(name: str, when: dict, **then: object) -> dict:
    return {"name": name, "when": when, "then": then}


EVERYBODY = {"all": []}


def test_the_rule_that_fits_decides_and_the_rest_is_filled_up(live):
    version, person = live(BRITISH), Customer.objects.create(country="GB")
    decision = decide([version], [person.pk], now=NOW)[person.pk]
    assert (decision.show, decision.variables) == ({"hero": "uk"}, {"headline": "Hello"})
    assert (decision.fired, decision.version_ids) == (["hero: British"], [version.pk])
    assert not decision.fell_back


@pytest.mark.parametrize(("told", "shown"), [(True, "yes"), (1, "one")])
def test_true_and_one_are_different_answers(live, told, shown):
    yes, one = ({"attribute": "attributes.vip", "value": value} for value in (True, 1))
    version = live(rule("yes", yes, show="yes"), rule("one", one, show="one"))
    person = Customer.objects.create(attributes={"vip": told})
    assert decide([version], [person.pk], now=NOW)[person.pk].show == {"hero": shown}


def test_where_no_rule_fits_the_fallback_decides(live):
    version, person = live(BRITISH), Customer.objects.create(country="DE")
    decision = decide([version], [person.pk], now=NOW)[person.pk]
    assert decision == fallback_decision(version)
    assert (decision.show, decision.fell_back) == ({"hero": "default"}, True)


def test_nobody_known_gets_the_fallback(live):
    version, visitor = live(BRITISH), Customer.objects.create(country="GB", is_anonymous=True)
    decisions = decide([version], [visitor.pk, 0], now=NOW)
    assert [decisions[one].show for one in (visitor.pk, 0)] == [{"hero": "default"}] * 2


def test_the_first_of_several_rules_wins_and_exclusions_add_up(live):
    version = live(
        rule("one", EVERYBODY, show="a", exclude={"products": ["p1"]}),
        rule("two", EVERYBODY, show="b", recommend="again", exclude={"products": ["p2"]}),
        rule("three", EVERYBODY, suppress=True),
    )
    person = Customer.objects.create()
    decision = decide([version], [person.pk], now=NOW)[person.pk]
    assert (decision.show, decision.exclude, decision.suppress) == ({"hero": "a"}, {"p1", "p2"}, True)
    assert decision.recommend == {"hero": Recommendation("again")}
    assert decision.fired == ["hero: one", "hero: two", "hero: three"]


def test_excluded_categories_become_their_products(live):
    tents = Category.objects.create(name="Tents", path="camping/tents")
    Product.objects.create(source="shop", external_id="t1", name="Tent", currency="GBP", category=tents)
    Product.objects.create(source="shop", external_id="x1", name="Other", currency="GBP")
    version = live(rule("no tents", EVERYBODY, exclude={"categories": ["Camping"]}))
    person = Customer.objects.create()
    assert decide([version], [person.pk], now=NOW)[person.pk].exclude == {"t1"}


def test_each_rule_set_decides_its_own_slot(live):
    footer = RuleSet.objects.create(key="footer", name="Footer", slot="footer")
    other = publish_document(footer, document(rule("any", EVERYBODY, show="small print")))
    version, person = live(BRITISH), Customer.objects.create(country="GB")
    decision = decide([version, other], [person.pk], now=NOW)[person.pk]
    assert decision.show == {"hero": "uk", "footer": "small print"}
    assert decision.fired == ["hero: British", "footer: any"]


@pytest.mark.parametrize(("people", "cities"), [(1, 1), (50, 1), (50, 40)])
def test_one_query_decides_however_many_customers_and_rules(live, people, cities, django_assert_num_queries):
    rules = [
        rule(f"c{one}", {"attribute": "city", "value": f"c{one}"}, show="leeds") for one in range(cities)
    ]
    version = live(BRITISH, *rules)
    ids = [Customer.objects.create(country="GB").pk for _ in range(people)]
    with django_assert_num_queries(1):
        assert len(decide([version], ids, now=NOW)) == people


def test_sql_decides_as_the_evaluator_in_memory_does(live):
    version = live(
        rule("loyal", {"fact": "orders_count", "op": "gte", "value": 2}, show="loyal"),
        rule("camper", {"fact": "last_purchase_category", "value": "camping"}, show="camp"),
        rule("viewer", {"event": "product_viewed", "within": {"days": 7}}, recommend="discover"),
        rule("best", {"score": "ltv", "op": "top_percent", "value": 20}, set={"headline": "You!"}),
        rule("quiet", {"not": {"consent": "marketing_email"}}, suppress=True),
        BRITISH,
    )
    people = [person.pk for person in populate(random.Random(7), 80)]
    decided = decide([version], people, now=NOW)
    parsed, wanted = document_of(version), Needs()
    for one in parsed.rules:
        wanted |= needs(one.when)
    profiles = load_profiles(people, wanted, now=NOW)
    for pk, profile in profiles.items():
        said = outcome_of(parsed, lambda condition, profile=profile: matches(condition, profile, now=NOW))
        assert decided[pk].fired == [f"hero: {name}" for name in said.fired]
        assert (decided[pk].show["hero"], decided[pk].suppress) == (said.show, said.suppress)
    assert {len(decision.fired) for decision in decided.values()} >= {0, 1, 2, 3}
