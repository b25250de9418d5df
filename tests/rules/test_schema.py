"""The published schema lets through what the parser takes, and stops what it can see."""

from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from rules.files import load_text
from rules.schema import document_schema
from tests.rules.conftest import BRITISH, document
from tests.rules.test_folders import CONTENT

VALIDATOR = jsonschema.Draft202012Validator(document_schema())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(document_schema())


@settings(max_examples=60)
@given(CONTENT)
def test_what_the_parser_takes_the_schema_takes(content):
    assert list(VALIDATOR.iter_errors(content)) == []


@pytest.mark.parametrize("path", sorted(Path("rules/examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_fit_the_schema(path):
    assert list(VALIDATOR.iter_errors(load_text(path.read_text()))) == []


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"rules": []}, []),
        (document(BRITISH | {"then": {}}), ["rules", 0, "then"]),
        (document(BRITISH | {"then": {"sing": 1}}), ["rules", 0, "then"]),
        (document({"name": "x", "then": {"show": "x"}}), ["rules", 0]),
        (document(otherwise={"suppress": True}), ["otherwise"]),
        (document(otherwise={"recommend": "magic"}), ["otherwise", "recommend"]),
        (document(otherwise={"set": {"sender": "x"}}), ["otherwise", "set"]),
        (document(otherwise={"set": {"a b": "x"}}), ["otherwise", "set"]),
        (document(otherwise={"set": {"a": []}}), ["otherwise", "set", "a"]),
        (document(otherwise={"exclude": {"brands": "x"}}), ["otherwise", "exclude"]),
        (document() | {"rules": [BRITISH] * 51}, ["rules"]),
        (document() | {"tests": [{"name": "x"}]}, ["tests", 0]),
    ],
)
def test_what_cannot_be_meant_is_stopped_at_its_place(broken, place):
    assert place in [list(error.absolute_path) for error in VALIDATOR.iter_errors(broken)]
