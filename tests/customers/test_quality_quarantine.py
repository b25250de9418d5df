"""Rows in quarantine: kept once, bounded, mended, retried without doubling, dismissed."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Q

from common.clock import now
from customers.address_changes import change_address
from customers.consent import withdraw
from customers.importing.schema import MappingError
from customers.merging import lock_makers
from customers.models import Consent, Customer, Event, EventType, Order, QuarantinedRow
from customers.quality import quarantine
from customers.quality.quarantine import dismiss, groups, mend, retry, waiting_rows
from customers.retention import delete_quarantined
from tests.customers.reading import HEADER, line, promising, read

pytestmark = pytest.mark.django_db
PROMISE = {"column": "country", "format": "country", "level": "error"}


def waiting() -> list[QuarantinedRow]:
    return list(QuarantinedRow.objects.filter(state="waiting").order_by("number"))


def test_refused_rows_wait_with_their_cells_and_reason(tmp_path) -> None:
    run = read([line(1), line(2, country="Eire"), line(3, at="never")], promising(PROMISE), folder=tmp_path)
    assert [(row.number, row.reason) for row in waiting()] == [
        (2, "country is not a country code"),
        (3, "bad_time"),
    ]
    assert list(waiting()[0].cells.items()) == list(zip(HEADER, line(2, country="Eire"), strict=True))
    assert (run.quarantined, waiting()[0].run_id) == (2, run.pk)


def test_the_same_row_refused_again_waits_once(tmp_path) -> None:
    for _ in range(2):
        run = read([line(1, at="never"), line(1, at="never")], folder=tmp_path)
    assert [row.run_id for row in waiting()] == [run.pk]


def test_only_so_many_rows_of_a_run_are_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(quarantine, "KEPT_A_RUN", 3)
    run = read([line(number, at="never") for number in range(5)], folder=tmp_path)
    assert (len(waiting()), run.quarantined, run.rejected) == (3, 3, {"bad_time": 5})


def test_what_cannot_be_read_waits_without_cells_and_what_is_odd_is_kept_as_far_as_it_goes(tmp_path) -> None:
    read(["bad_encoding", line(2)[:3], [*line(3), "more"], line(4, mail="a\0b")], folder=tmp_path)
    first, short, long, nul = waiting()
    assert (first.raw, short.cells["mail"], long.cells["(cell 8)"]) == ([], "", "more")
    assert nul.cells["mail"] == "a␀b"


def test_an_enormous_row_is_only_in_the_file_of_refused_rows(tmp_path) -> None:
    run = read([line(1, at="x" * 40_000)], folder=tmp_path)
    assert (waiting(), run.rejected) == ([], {"bad_time": 1})


def test_a_mended_row_is_stored_by_the_same_mapping(tmp_path) -> None:
    read([line(2, country="Eire")], promising(PROMISE), folder=tmp_path)
    [row] = waiting()
    mend(row, {"country": "IE", "shoe": "left"})
    assert retry([row], by=None) == quarantine.Retried(mended=1, waiting=0)
    row.refresh_from_db()
    assert (row.state, row.settled_at is not None, "shoe" in row.cells) == ("mended", True, False)
    assert Order.objects.get().total_minor == 1050
    assert Customer.objects.get().country == "IE"


def test_a_mended_row_belongs_to_the_order_that_other_sources_tell_too(tmp_path) -> None:
    shared = promising(PROMISE, orders={"namespace": "mall", "rank": 5})
    read([line(2, country="Eire")], shared, folder=tmp_path)
    [row] = waiting()
    mend(row, {"country": "IE"})
    retry([row], by=None)
    assert Order.objects.get().source == "mall"


def test_a_row_that_is_refused_again_waits_on_with_its_new_reason(tmp_path) -> None:
    read([line(2, country="Eire")], promising(PROMISE), folder=tmp_path)
    [row] = waiting()
    mend(row, {"country": "IE", "at": "never"})
    assert retry([row], by=None).waiting == 1
    assert [one.reason for one in waiting()] == ["bad_time"]
    assert not Order.objects.exists()


def test_retrying_twice_stores_once(tmp_path) -> None:
    read([line(2, country="Eire")], promising(PROMISE), folder=tmp_path)
    [row] = waiting()
    mend(row, {"country": "IE"})
    retry([row], by=None)
    QuarantinedRow.objects.update(state="waiting")
    assert retry(waiting(), by=None).mended == 1
    assert Event.objects.filter(type=EventType.ORDER_LINE).count() == 1


def test_a_row_that_comes_again_after_it_was_mended_stays_mended(tmp_path) -> None:
    rows = [line(2, country="Eire")]
    read(rows, promising(PROMISE), folder=tmp_path)
    [row] = waiting()
    mend(row, {"country": "IE"})
    retry([row], by=None)
    read(rows, promising(PROMISE), folder=tmp_path)
    assert waiting() == []


def test_all_rows_of_a_reason_are_retried_by_the_mapping_as_it_is_now(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(quarantine, "RETRIED_AT_ONCE", 2)
    bad = [line(number, country="Eire") for number in range(5)]
    read([*bad, line(9, at="never")], promising(PROMISE), folder=tmp_path)
    read([line(10)])
    reason = "country is not a country code"
    assert [(one.reason, one.count) for one in groups()] == [(reason, 5), ("bad_time", 1)]
    assert retry(waiting_rows("shop", reason), by=None) == quarantine.Retried(mended=0, waiting=5)
    assert {row.reason for row in waiting()} == {"bad_country", "bad_time"}


def test_a_row_keeps_its_occurrence_so_that_equal_rows_stay_apart(tmp_path) -> None:
    kinds = [
        {
            "event": "order_line",
            "id": "{order}",
            "order": "{order}",
            "line": "{id}.{occurrence}",
            "value": "{amount}",
        }
    ]
    mapping = promising(PROMISE, kinds=kinds, occurrence={"of": ["order", "id"]})
    rows = [line(1), line(1, country="Eire"), line(1)]
    read(rows, mapping, folder=tmp_path)
    [row] = waiting()
    mend(row, {"country": "IE"})
    retry([row], by=None)
    lines = Order.objects.get().lines.order_by("line").values_list("line", flat=True)
    assert list(lines) == ["1.1", "1.2", "1.3"]


def test_a_retry_declares_the_consent_that_the_mapping_declares_but_undoes_no_withdrawal(tmp_path) -> None:
    declared = {"purpose": "marketing_email", "proof": "they agreed on paper"}
    read([line(1), line(2, at="never")], promising(consent=declared), folder=tmp_path)
    withdraw([Customer.objects.get().pk], source="link")
    for number in (1, 2):
        QuarantinedRow.objects.update(state="waiting", raw=list(zip(HEADER, line(number), strict=True)))
        assert retry(QuarantinedRow.objects.all(), by=None).mended == 1
    answers = Consent.objects.filter(purpose="marketing_email").order_by("customer__email")
    assert list(answers.values_list("is_granted", flat=True)) == [False, True]


def test_a_retry_grants_nothing_for_a_mailbox_that_the_row_does_not_name(tmp_path) -> None:
    declared = {"purpose": "marketing_email", "proof": "they agreed on paper"}
    read([line(1)])
    with transaction.atomic():
        lock_makers()
        change_address(Customer.objects.get().pk, "somebody.else@example.com")
    bad = [line(2, buyer="b1", mail="b1@example.com", at="never"), line(3, at="never")]
    read(bad, promising(consent=declared), folder=tmp_path)
    for row in waiting():
        mend(row, {"at": "2026-02-01T10:00:00Z"})
    assert retry(waiting(), by=None).mended == 2
    assert [one.email for one in Customer.objects.consenting()] == ["b3@example.com"]


def test_dismissed_rows_are_neither_waiting_nor_stored(tmp_path) -> None:
    read([line(1, at="never"), line(2, at="never"), line(3, mail="x")], folder=tmp_path)
    assert dismiss(Q(source="shop", reason="bad_time"), by=None) == 2
    assert [row.reason for row in waiting()] == ["bad_email"]
    assert not Order.objects.exists()


def test_a_dismissed_row_that_comes_again_after_it_was_forgotten_stays_dismissed(tmp_path) -> None:
    rows = [line(1, at="never")]
    read(rows, folder=tmp_path)
    dismiss(Q(source="shop"), by=None)
    assert delete_quarantined(now() + timedelta(days=1)) == 1
    read(rows, folder=tmp_path)
    assert list(QuarantinedRow.objects.values_list("state", "raw")) == [("dismissed", [])]


def test_without_a_known_mapping_nothing_is_retried() -> None:
    row = QuarantinedRow.objects.create(
        source="till", number=1, reason="x", raw=[["a", "b"]], fingerprint=b"1"
    )
    with pytest.raises(MappingError, match="not known how rows of till are read"):
        retry([row], by=None)
    row.refresh_from_db()
    assert row.state == "waiting"
