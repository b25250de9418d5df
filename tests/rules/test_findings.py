import pytest

from campaigns.publishing import save_block
from products.models import Category, Product
from rules.documents import parse_document
from rules.findings import conflicts, findings
from rules.models import RuleSet
from rules.versions import publish_document
from tests.rules.conftest import BRITISH, document

pytestmark = pytest.mark.django_db
ISLES = {"attribute": "country", "op": "in", "value": ["GB", "IE"]}
IRISH = {"attribute": "country", "value": "IE"}
ALL = {"all": []}


def rule(name: str, when: dict, **then: object) -> dict:
    return {"name": name, "when": when, "then": then}


def said(*rules: dict, otherwise: dict | None = None) -> list[str]:
    found = conflicts(parse_document(document(*rules, otherwise=otherwise or {"show": "default"})))
    return [one.sentence for one in found]


def test_rules_that_leave_room_for_each_other_are_left_alone():
    assert said(rule("a", IRISH, show="a"), BRITISH, rule("b", ISLES, show="b", set={"x": 1})) == [
        "Rule 3 “b” never gets to show anything: rule 1 “a” and rule 2 “British” always does so first."
    ]
    assert said(rule("a", IRISH, show="a"), BRITISH, rule("b", ISLES, set={"x": 1})) == []


def test_a_rule_that_only_fits_where_an_upper_one_does_can_never_say_anything():
    assert said(rule("wide", ISLES, show="a", set={"x": 1}), rule("narrow", IRISH, set={"x": 2})) == [
        "Rule 2 “narrow” can never say anything after rule 1 “wide”: "
        "whoever it fits, they fit too, and they say it first."
    ]


def test_a_rule_whose_conditions_exclude_each_other_never_fits_and_covers_nobody():
    impossible = {"all": [{"attribute": "country", "value": "GB"}, IRISH]}
    assert said(rule("odd", impossible, show="a"), rule("other", impossible, show="b")) == [
        f"Rule {number} “{name}” never fits anybody: "
        "“Lives in United Kingdom” and “Lives in Ireland” exclude each other."
        for number, name in ((1, "odd"), (2, "other"))
    ]


def test_exclusions_add_up_unless_the_same_is_excluded_already():
    one = rule("one", ALL, exclude={"products": ["p1"]})
    assert said(one, rule("two", ALL, exclude={"products": ["p2"]})) == []
    assert "can never say anything" in said(one, rule("two", IRISH, exclude={"products": ["p1"]}))[0]


def test_who_gets_nothing_is_shown_nothing_in_mails():
    assert said(rule("quiet", ISLES, suppress=True), rule("Irish", IRISH, show="a")) == [
        "In mails rule 2 “Irish” changes nothing: rule 1 “quiet” lets nothing be sent to those it fits."
    ]


def test_a_fallback_that_a_rule_for_everybody_hides_is_named():
    assert said(rule("all", ALL, show="a")) == [
        "“Otherwise” never gets to show anything: rule 1 “all” covers everybody."
    ]


def test_a_variable_that_another_rule_set_sets_too_is_named(hero):
    other = RuleSet.objects.create(key="banner", name="Banner", slot="banner")
    publish_document(other, document(otherwise={"set": {"headline": "x"}}))
    found = [one.sentence for one in findings(parse_document(document()), hero)]
    assert (
        "“Banner” sets headline too; where both say something, “banner” wins, as it comes first in the alphabet."
        in found
    )


def test_names_of_what_does_not_exist_are_listed_and_others_are_not(hero):
    save_block(key="uk", name="UK", mjml="<mj-text>x</mj-text>")
    tents = Category.objects.create(name="Tents", path="camping/tents")
    Product.objects.create(source="shop", external_id="t1", name="Tent", currency="GBP", category=tents)
    recommend = {"categories": ["Camping/tents", "camping/pots"], "products": ["t1", "t2"]}
    raw = document(BRITISH, otherwise={"show": "gone", "recommend": recommend})
    assert [one.sentence for one in findings(parse_document(raw), hero)] == [
        "No template has the slot “hero” yet; until one does, these rules decide nothing.",
        "There are no blocks “gone”.",
        "There are no categories “camping/pots”.",
        "There are no products “t2”.",
    ]
