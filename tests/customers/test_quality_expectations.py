"""What sources promise of their rows: a closed list, said where it is wrong, kept or told."""

import pytest

from customers.importing.schema import MappingError, check_mapping
from customers.models import Event, EventType, Order, SyncRun
from customers.quality.formats import FORMATS, countries
from tests.customers.reading import MAPPING, line, promising, read

GOOD = {
    "email": ["ann@example.com", "ann@bücher.example"],
    "date": ["2026-02-28", "2026-02-28T10:00:00+01:00"],
    "number": ["1", "-2.50", "1e3"],
    "url": ["https://shop.example/a?b=c", "http://127.0.0.1:8000/"],
    "country": ["GB", "IE"],
    "currency": ["EUR", "JPY"],
    "uuid": ["5f0c4b7e-0000-4000-8000-000000000000"],
}
BAD = {
    "email": ["ann", "ann@", "ann@localhost", "a b@example.com"],
    "date": ["2026-02-30", "yesterday", "28/02/2026"],
    "number": ["1,000", "1_000", "inf", "nan", "٣", "one"],
    "url": ["shop.example", "javascript:alert(1)", "https://", "http://a b.example", "http://[::1"],
    "country": ["gb", "UK", "Ireland", ""],
    "currency": ["eur", "€", "XXX"],
    "uuid": ["5f0c4b7e000040008000000000000000", "x"],
}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_format_tells_good_from_bad(name: str) -> None:
    holds, _ = FORMATS[name]
    assert [value for value in GOOD[name] if not holds(value)] == []
    assert [value for value in BAD[name] if holds(value)] == []


def test_all_countries_of_the_world_are_known() -> None:
    assert len(countries()) == 249


@pytest.mark.parametrize(
    ("expectation", "place"),
    [
        ({"column": "mail", "format": "regex", "level": "warn"}, "expectations[0]"),
        ({"column": "mail", "format": "email"}, "expectations[0]"),
        ({"column": "mail", "format": "email", "level": "fatal"}, "expectations[0]"),
        ({"column": "mail", "format": "email", "required": True, "level": "warn"}, "expectations[0]"),
        ({"format": "email", "level": "warn"}, "expectations[0]"),
        ({"column": "amount", "range": {}, "level": "warn"}, "expectations[0]"),
        ({"column": "amount", "currencies": ["EURO"], "level": "warn"}, "expectations[0]"),
        ({"volume": {"within_percent": 0}, "level": "warn"}, "expectations[0]"),
        ({"unique": [], "level": "warn"}, "expectations[0]"),
        ("mail", "expectations[0]"),
    ],
)
def test_a_wrong_expectation_is_refused_by_its_place(expectation: object, place: str) -> None:
    with pytest.raises(MappingError) as refused:
        check_mapping(MAPPING | {"expectations": [expectation]})
    assert place in str(refused.value)


PROMISES = [
    ({"column": "mail", "required": True}, {"mail": " "}, "mail is empty"),
    ({"column": "country", "format": "country"}, {"country": "EI"}, "country is not a country code"),
    ({"column": "country", "accepted": ["IE", "GB"]}, {"country": "FR"}, "country is not an accepted value"),
    ({"column": "country", "currencies": ["EUR"]}, {"country": "GB"}, "country is not in EUR"),
    ({"column": "mail", "units": ["kg", "g"]}, {"mail": "12 lb"}, "mail is not in kg or g"),
    (
        {"column": "amount", "range": {"min": 0, "max": 100}},
        {"amount": "100.01"},
        "amount is not between 0 and 100",
    ),
    ({"column": "amount", "range": {"min": 0}}, {"amount": "-1"}, "amount is below 0"),
    ({"column": "amount", "range": {"max": 9}}, {"amount": "x"}, "amount is above 9"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("promise", "cells", "reason"), PROMISES, ids=[reason for *_, reason in PROMISES])
def test_an_error_keeps_the_row_out_and_a_warning_lets_it_in(promise, cells, reason, tmp_path) -> None:
    mapping = promising(promise | {"level": "error"})
    check_mapping(mapping)
    run = read([line(1, **cells)], mapping, folder=tmp_path)
    assert (run.rejected, run.inserted, run.adds_up) == ({reason: 1}, 0, True)
    assert not Order.objects.exists()


@pytest.mark.django_db
def test_a_warning_lets_the_row_in_and_is_told() -> None:
    run = read(
        [line(1), line(2, country="")], promising({"column": "country", "required": True, "level": "warn"})
    )
    assert (run.inserted, run.rejected) == (2, {})
    assert [one["sentence"] for one in run.findings] == [
        "1 of 2 rows: country is empty; they were stored all the same."
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["12 kg", "0.5kg", "700g"])
def test_a_number_with_one_of_the_units_is_kept(value) -> None:
    run = read(
        [line(1, country="", mail="", buyer=value)],
        promising({"column": "buyer", "units": ["g", "kg"], "level": "error"}),
    )
    assert run.inserted == 1


@pytest.mark.django_db
def test_an_empty_cell_breaks_no_promise_but_that_it_is_filled() -> None:
    mapping = promising({"column": "country", "format": "country", "level": "error"})
    assert read([line(1, country="")], mapping).inserted == 1


@pytest.mark.django_db
def test_a_repeated_key_is_kept_out_and_the_first_is_kept(tmp_path) -> None:
    mapping = promising({"unique": ["id", "order"], "level": "error"})
    run = read([line(1), line(2), line(1, amount="99")], mapping, folder=tmp_path)
    assert (run.inserted, run.rejected) == (2, {"id and order repeated": 1})
    assert (
        Event.objects.get(
            type=EventType.ORDER_LINE, order_id=Order.objects.get(external_id="A1").pk
        ).value_minor
        == 1050
    )


@pytest.mark.django_db
def test_what_a_mapping_refuses_on_purpose_is_refused_for_that(tmp_path) -> None:
    mapping = promising({"column": "mail", "required": True, "level": "error"})
    run = read([line(1, order="test", mail="")], mapping, folder=tmp_path)
    assert (run.rejected, run.quarantined) == ({"test_order": 1}, 0)


@pytest.mark.django_db
def test_of_two_broken_promises_the_first_declared_is_the_reason(tmp_path) -> None:
    mapping = promising(
        {"column": "country", "required": True, "level": "error"},
        {"column": "mail", "required": True, "level": "error"},
    )
    assert read([line(1, mail="", country="")], mapping, folder=tmp_path).rejected == {"country is empty": 1}


@pytest.mark.django_db
def test_a_promise_about_a_column_that_is_not_there_names_it() -> None:
    with pytest.raises(MappingError, match="There is no column 'shoe'"):
        read([line(1)], promising({"column": "shoe", "required": True, "level": "warn"}))
    assert SyncRun.objects.get().rows_in == 0
