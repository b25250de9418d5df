from rules.documents import parse_document
from rules.wording import compare, text_diff, word_diff
from tests.rules.conftest import BRITISH, LOYAL, document


def compared(before: list, after: list, **otherwise: dict) -> list[tuple]:
    old = parse_document(document(*before))
    new = parse_document(document(*after, **otherwise))
    return [(one.name, str(one.kind), one.parts) for one in compare(old, new)]


def test_two_documents_are_compared_rule_by_rule_and_part_by_part():
    changed = {**BRITISH, "when": {"attribute": "country", "value": "IE"}, "then": {"suppress": True}}
    extra = {**BRITISH, "name": "new"}
    assert compared([BRITISH, LOYAL], [extra, changed]) == [
        ("new", "added", ()),
        ("British", "changed", ("when", "show", "suppress")),
        ("loyal", "removed", ()),
    ]


def test_what_changes_otherwise_is_named():
    assert compared([BRITISH], [BRITISH], otherwise={"show": "default", "set": {"headline": "Hi"}}) == [
        ("otherwise", "changed", ("set headline",))
    ]


def test_of_rules_that_change_places_the_fewest_are_said_to_have_moved():
    last = {**LOYAL, "name": "last"}
    assert compared([BRITISH, LOYAL, last], [last, BRITISH, LOYAL]) == [("last", "moved", ("place 3 → 1",))]


def test_sentences_are_compared_word_by_word():
    pieces = word_diff(
        "If the customer lives in Ireland: show “a”.", "If the customer lives in Spain: show “a”."
    )
    assert [(piece.mark, piece.text) for piece in pieces] == [
        (" ", "If the customer lives in"),
        ("-", "Ireland:"),
        ("+", "Spain:"),
        (" ", "show “a”."),
    ]


def test_the_text_of_two_documents_is_compared_line_by_line():
    lines = text_diff(document(BRITISH), document({**BRITISH, "then": {"show": "gb"}}))
    assert [(line.mark, line.text.strip()) for line in lines if line.mark in "+-"] == [
        ("-", "show: uk"),
        ("+", "show: gb"),
    ]
