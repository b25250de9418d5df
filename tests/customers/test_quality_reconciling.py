"""A source, read again, against what is stored: what is missing on which side."""

import csv
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from customers.models import Event, EventType, Reconciliation
from customers.quality import reconciliations
from customers.quality.reconciling import compare, sentences
from tests.customers.reading import HEADER, MAPPING, line, promising, read

pytestmark = pytest.mark.django_db
ROWS = [line(1), line(2, at="2026-02-02T10:00:00Z"), line(3, at="2026-02-02T23:30:00-01:00", amount="5.00")]


def compared(rows: list, mapping: dict = MAPPING) -> dict:
    return compare("shop", mapping, [(HEADER, [list(row) for row in rows])])


def forget(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM customers_event WHERE order_id = (SELECT id FROM customers_order WHERE external_id = %s)",
            [f"A{number}"],
        )


def test_a_source_that_was_read_agrees_with_what_is_stored(tmp_path) -> None:
    rows = [*ROWS, line(4, at="never"), line(5, order="test")]
    read(rows, folder=tmp_path)
    result = compared(rows)
    assert result["is_equal"]
    assert sentences(result) == [
        "Source and store agree.",
        "5 rows were read again: 2 are refused, 3 tell of an event, 3 of those are stored.",
    ]
    assert result["refused"] == {"bad_time": 1, "test_order": 1}


def test_events_that_are_not_stored_are_named_with_their_days() -> None:
    read(ROWS)
    forget(2)
    result = compared(ROWS)
    assert (result["is_equal"], result["not_stored"], result["not_stored_keys"]) == (False, 1, ["2 2"])
    assert result["days"] == [
        {"day": "2026-02-02", "told": 1, "stored": 0, "told_minor": 1050, "stored_minor": 0}
    ]


def test_events_that_are_not_in_the_source_are_named() -> None:
    read(ROWS)
    stored = Event.objects.get(type=EventType.ORDER_LINE, occurred_at="2026-02-02T10:00:00Z")
    result = compared([ROWS[0], ROWS[2]])
    assert (result["not_told"], result["not_told_keys"]) == (1, [str(stored.message_id)])
    assert "1 stored event is not in the source." in sentences(result)


def test_what_lies_outside_the_time_that_the_source_tells_of_is_not_compared() -> None:
    read(ROWS)
    assert compared(ROWS[:2])["not_told"] == 0


def test_an_event_that_is_worth_something_else_is_told() -> None:
    read(ROWS)
    result = compared([*ROWS[:2], line(3, at="2026-02-02T23:30:00-01:00", amount="6.00")])
    assert (result["differing"], result["days_count"], result["columns"]) == (1, 1, ["amount"])
    assert "Column amount is not what it was when the source was last read." in sentences(result)


def test_rows_that_repeat_each_other_are_counted_once() -> None:
    read([*ROWS, ROWS[0]])
    result = compared([*ROWS, ROWS[0]])
    assert (result["told"], result["repeated"], result["is_equal"]) == (3, 1, True)


def test_rows_that_a_promise_keeps_out_are_not_missing(tmp_path) -> None:
    mapping = promising({"column": "country", "accepted": ["GB"], "level": "error"})
    read(ROWS, mapping, folder=tmp_path)
    assert compared(ROWS, mapping)["refused"] == {"country is not an accepted value": 3}


def test_an_empty_source_agrees_with_an_empty_store_and_leaves_no_table() -> None:
    assert compared([])["is_equal"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'reconcile%%'", [])
        assert cursor.fetchone() == (0,)


def test_orders_placed_without_being_told_are_not_missing_in_the_source() -> None:
    read(ROWS)
    assert Event.objects.filter(type=EventType.ORDER_PLACED).count() == 3
    assert compared(ROWS)["not_told"] == 0


def write(folder: Path, rows: list) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    (folder / "shop.csv").write_text(text.getvalue())
    return str(folder / "shop.csv")


def test_the_command_says_what_differs_and_ends_with_its_code(tmp_path, capsys) -> None:
    read(ROWS)
    path = write(tmp_path, ROWS)
    call_command("reconcile", "shop", path)
    assert "Source and store agree." in capsys.readouterr().out
    forget(2)
    with pytest.raises(CommandError) as differs:
        call_command("reconcile", "shop", path)
    assert differs.value.returncode == 1
    assert "not stored: 2 2" in capsys.readouterr().out


def test_a_source_that_nobody_can_read_again_names_the_command(capsys) -> None:
    read(ROWS)
    with pytest.raises(CommandError, match=r"manage\.py reconcile shop FILE") as refused:
        call_command("reconcile", "shop")
    assert refused.value.returncode == 2


def test_a_comparison_is_asked_for_once_and_done_once() -> None:
    read(ROWS)
    asked = reconciliations.ask("shop", by=None)
    assert reconciliations.ask("shop", by=None) == asked
    assert reconciliations.due() == [asked.pk]
    assert (reconciliations.run(asked.pk), reconciliations.run(asked.pk)) == (True, False)
    asked.refresh_from_db()
    assert (asked.state, "reconcile shop FILE" in asked.error) == (Reconciliation.State.FAILED, True)


def test_one_whose_worker_died_is_done_by_another() -> None:
    asked = Reconciliation.objects.create(source="shop", state="running", lease_until="2020-01-01T00:00:00Z")
    assert reconciliations.due() == [asked.pk]
    assert reconciliations.run(asked.pk)
