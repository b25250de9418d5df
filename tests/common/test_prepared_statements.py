"""Statements sent in one round trip."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from common.prepared_statements import answers, answers_at_once, as_array
from products.models import Category

MAKE = "INSERT INTO products_category (name, path) VALUES (%s, %s)"


@pytest.mark.django_db
def test_each_sees_what_those_before_it_did() -> None:
    rows = answers_at_once(
        (MAKE, ["Tents", "tents"]),
        ("SELECT path FROM products_category WHERE name = %(name)s", {"name": "Tents"}),
    )
    assert rows == [[], [("tents",)]]


@pytest.mark.django_db
def test_the_first_that_fails_is_told_and_the_others_do_nothing() -> None:
    with pytest.raises(IntegrityError, match="products_category_path_key"), transaction.atomic():
        answers_at_once((MAKE, ["A", "a"]), (MAKE, ["A", "a"]), (MAKE, ["B", "b"]))
    assert not Category.objects.exists()


@pytest.mark.django_db
def test_a_statement_is_prepared_once_for_all_its_values() -> None:
    for number in range(3):
        answers("SELECT %s::bigint AS prepared_for_a_test", [number])
    assert answers(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%prepared_for_a_test%"]
    ) == [(1,)]


@pytest.mark.django_db
def test_queries_are_logged_with_their_text() -> None:
    with CaptureQueriesContext(connection) as queries:
        answers_at_once(("SELECT 1", []), ("SELECT %s::text", ["two"]))
    assert [query["sql"] for query in queries] == ["SELECT 1", "SELECT 'two'::text"]


@pytest.mark.django_db
def test_an_array_of_texts_arrives_as_it_was() -> None:
    texts = [
        "",
        "NULL",
        "null",
        None,
        'a "b" c',
        "back\\slash",
        "{,}",
        " blank ",
        "line\nbreak",
        "Gr\u00fc\u00dfe \U0001f600",
    ]
    assert answers("SELECT %s::text[]", [as_array(texts)]) == [(texts,)]


@pytest.mark.django_db
def test_an_array_of_numbers_or_times_arrives_as_it_was() -> None:
    at = datetime(2026, 2, 28, 23, 59, 59, 123456, UTC)
    values = [as_array([1, None, -(2**63)]), as_array([at, None]), as_array([])]
    assert answers("SELECT %s::bigint[], %s::timestamptz[], %s::int[]", values) == [
        ([1, None, -(2**63)], [at, None], [])
    ]
