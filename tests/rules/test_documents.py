from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.strategies import STRATEGIES as SERVED
from rules.documents import STRATEGIES, DocumentError, Recommendation, parse_document, recommendation_of
from rules.files import dump_text, load_text
from rules.wording import describe_recommendation, describe_rule
from segments.conditions import ConditionError

RULE = {"name": "British", "when": {"attribute": "country", "value": "GB"}, "then": {"show": "uk"}}
ELSE = {"show": "default"}
EXAMPLES = sorted(Path("rules/examples").glob("*.yaml"))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "document: expected an object, found list."),
        ({"rules": []}, "otherwise: is missing"),
        ({"rules": {}, "otherwise": ELSE}, "rules: expected a list of at most 50 rules."),
        ({"rules": [], "otherwise": ELSE, "extra": 1}, "extra: is not known here."),
        ({"rules": [], "otherwise": {"suppress": True}}, "otherwise.suppress: would send nothing"),
        ({"rules": [{**RULE, "then": {}}], "otherwise": ELSE}, "rules[0].then: nothing follows"),
        ({"rules": [RULE, RULE], "otherwise": ELSE}, "rules[1].name: another rule is called “British”."),
        ({"rules": [{"name": "x", "then": ELSE}], "otherwise": ELSE}, "rules[0].when: is missing."),
        (
            {"rules": [RULE, {**RULE, "name": "x", "when": {"all": [{"event": "x"}]}}], "otherwise": ELSE},
            "rules[1].when.all[0].event: there is no event 'x'",
        ),
        ({"rules": [{**RULE, "then": {"sing": 1}}], "otherwise": ELSE}, "rules[0].then.sing: is not known"),
        ({"rules": [], "otherwise": {"recommend": "magic"}}, "otherwise.recommend.strategy: there is no"),
        ({"rules": [], "otherwise": {"set": {"sender": "x"}}}, "otherwise.set.sender: is the template's own"),
        ({"rules": [], "otherwise": {"set": {"a b": "x"}}}, "otherwise.set.a b: a variable's name"),
        ({"rules": [], "otherwise": {"set": {"a": []}}}, "otherwise.set.a: expected a text"),
        ({"rules": [], "otherwise": {"set": {"a": float("inf")}}}, "otherwise.set.a: numbers go from"),
        ({"rules": [], "otherwise": {"set": {"a": float("nan")}}}, "otherwise.set.a: numbers go from"),
        ({"rules": [], "otherwise": {"set": {"a": 10**16}}}, "otherwise.set.a: numbers go from"),
        ({"rules": [], "otherwise": {"exclude": {"brands": "x"}}}, "otherwise.exclude.brands: is not known"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(document, message):
    with pytest.raises(DocumentError) as caught:
        parse_document(document)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a: 1\nb: !!int x", "line 2: tags are not taken; write the value without 'tag:yaml.org,2002:int'."),
        ("a: !!timestamp x", "line 1: tags are not taken"),
        ("a: !mine [1]", "line 1: tags are not taken"),
        (f"a: 1\nb: {'9' * 5_000}", "line 2: this number cannot be read."),
        ("a: 0x_", "line 1: this number cannot be read."),
        (f'{{"a": {"9" * 5_000}}}', "document: a number in it has too many digits."),
        ('{"a": 1,}', "line 1: "),
        ("a: \0", "document: "),
    ],
    ids=["int", "timestamp", "own tag", "long", "hex", "long json", "comma", "nul"],
)
def test_what_cannot_be_read_is_refused_with_its_place(written, message):
    with pytest.raises(DocumentError) as caught:
        load_text(written)
    assert str(caught.value).startswith(message)


def test_a_strategy_may_be_written_short():
    document = parse_document({"rules": [], "otherwise": {"recommend": "bestsellers"}})
    assert document.otherwise.recommend == Recommendation("bestsellers")


WISH = {"strategy": "upsell", "price_from": 1_000, "price_to": 5_000, "most_per_category": 2}


def test_a_wish_reads_as_half_a_sentence():
    words = describe_recommendation(recommendation_of(WISH, "recommend"))
    assert words == "“upsell” for 1,000 to 5,000 minor units, at most 2 of a category"
    assert (
        describe_recommendation(Recommendation("upsell", price_from=0))
        == "“upsell” for 0 minor units or more"
    )
    assert (
        describe_recommendation(Recommendation("upsell", price_to=9)) == "“upsell” for 9 minor units at most"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"price_from": -1}, "recommend.price_from: must be 0 or more."),
        ({"price_to": 999}, "recommend.price_to: must not lie below price_from."),
        ({"price_to": 10.5}, "recommend.price_to: expected a whole number"),
        ({"price_to": True}, "recommend.price_to: expected a number, found bool."),
        ({"most_per_category": 0}, "recommend.most_per_category: must be 1 or more."),
        ({"strategy": "magic"}, "recommend.strategy: "),
        ({"colour": "red"}, "recommend.colour: "),
    ],
    ids=str,
)
def test_a_wish_that_cannot_be_is_refused_with_its_place(changed, message):
    with pytest.raises(ConditionError) as caught:
        recommendation_of(WISH | changed, "recommend")
    assert str(caught.value).startswith(message)


def test_the_strategies_are_those_that_are_served():
    assert tuple(SERVED) == STRATEGIES


def test_a_rule_reads_as_a_sentence():
    rule = parse_document({"rules": [RULE], "otherwise": ELSE}).rules[0]
    assert describe_rule(rule) == "If the customer lives in United Kingdom: show “uk”."


def test_yaml_keeps_words_that_other_readers_turn_into_something_else():
    assert load_text("country: NO\nday: 2011-12-10\non: yes\nreally: true\nn: 7\n") == {
        "country": "NO",
        "day": "2011-12-10",
        "on": "yes",
        "really": True,
        "n": 7,
    }


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a: [", "line 1: "),
        ("{", "line 1: "),
        ("a: 1\na: 2\n", "line 1: a key stands there twice."),
        ("a: &x 1\nb: *x\n", "line 2: anchors and aliases"),
        ("a: !!python/object:os.system x", "line 1: "),
        ("x" * 200_001, "document: more than 200,000"),
        ("[" * 5000, "document: nested too deep."),
    ],
)
def test_text_that_is_no_document_is_refused_with_its_line(written, message):
    with pytest.raises(DocumentError) as caught:
        load_text(written)
    assert str(caught.value).startswith(message)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\ufeff"))
JSON = st.recursive(
    WORDS
    | st.sampled_from(["NO", "yes", "true", "null", "~", "1e3", "0x1", "2011-12-10", "1_000", "- a"])
    | st.booleans()
    | st.integers(-(10**9), 10**9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_yaml_is_read_back_as_it_was_written(raw):
    assert load_text(dump_text({"document": raw})) == {"document": raw}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_can_be_used(path):
    content = load_text(path.read_text())
    assert parse_document({key: content[key] for key in ("rules", "otherwise")}).rules
