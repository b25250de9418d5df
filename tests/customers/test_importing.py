"""A file through a mapping: every row is accounted for, and reading it again stores nothing."""

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from customers.facts import facts_drift
from customers.importing.books import Books, LostLease
from customers.models import Consent, Customer, Event, EventType, Order, OrderLine, Refund, SyncRun
from products.models import Product

pytestmark = pytest.mark.django_db
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
ROWS = [
    "1,A,Lamp,6,2011-07-01 08:26:00,2.55,17850,United Kingdom",
    "1,A,Lamp,6,2011-07-01 08:26:00,2.55,17850,United Kingdom",
    "1,POST,POSTAGE,1,2011-07-01 08:26:00,18.00,17850,United Kingdom",
    "2,CUP,Cup,1,2011-01-05 10:00:00,0.001,12346,EIRE",
    "C3,A,Lamp,-2,2011-07-03 09:00:00,2.55,17850,United Kingdom",
    "C3,D,Discount,-1,2011-07-03 09:00:00,1.10,17850,United Kingdom",
    "4,CUP,Cup,5,2011-07-04 09:00:00,1.00,,Germany",
    "5,CUP,Cup,-5,2011-07-04 09:00:00,0.00,12346,EIRE",
    "6,CUP,Cup,some,2011-07-04 09:00:00,1.00,12346,EIRE",
    "7,CUP,Cup,1,yesterday,1.00,12346,EIRE",
    "8,CUP,Cup",
    "9,CUP,Cup,1,2999-07-04 09:00:00,1.00,12346,EIRE",
    "10,CUP,Cup,1,2011-07-04 09:00:00,1.00,12347,Atlantis",
]


@pytest.fixture
def shop_file(tmp_path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def run(path: Path, capsys, **options) -> dict:
    options.setdefault("mapping", "online_retail")
    call_command("import_events", str(path), json=True, rejects=str(path.parent / "rejects.csv"), **options)
    return json.loads(capsys.readouterr().out)


def test_every_row_is_accounted_for(shop_file, capsys):
    told = run(shop_file, capsys)
    assert told["rows_in"] == len(ROWS)
    assert told["inserted"] == 7
    assert told["duplicates"] == 0
    assert told["rejected"] == {
        "bad_number": 1,
        "bad_time": 1,
        "in_the_future": 1,
        "no_customer_id": 1,
        "stock_adjustment": 1,
        "wrong_number_of_columns": 1,
    }
    assert told["adds_up"] is True
    book = SyncRun.objects.get()
    assert (book.status, book.inserted, book.rejected_count) == (SyncRun.Status.SUCCEEDED, 7, 6)


def test_the_same_file_again_inserts_nothing(shop_file, capsys):
    run(shop_file, capsys)
    again = run(shop_file, capsys)
    assert (again["inserted"], again["duplicates"], again["customers_created"]) == (0, 7, 0)
    assert Event.objects.exclude(type=EventType.ORDER_PLACED).count() == 7


def test_invoices_become_orders_and_cancellations_refunds(shop_file, capsys):
    run(shop_file, capsys)
    totals = Order.objects.order_by("external_id").values_list("external_id", "total_minor", "currency")
    assert list(totals) == [("1", 4860, "GBP"), ("10", 100, "GBP"), ("2", 0, "GBP")]
    assert Refund.objects.get().amount_minor == 620
    assert facts_drift() == {}


def test_two_equal_rows_are_two_lines(shop_file, capsys):
    run(shop_file, capsys)
    lines = OrderLine.objects.filter(order__external_id="1").order_by("line")
    assert list(lines.values_list("line", "quantity", "unit_price_minor")) == [
        ("A.1", 6, 255),
        ("A.2", 6, 255),
        ("POST.1", 1, 1800),
    ]


def test_postage_is_paid_but_no_product(shop_file, capsys):
    run(shop_file, capsys)
    assert set(Product.objects.values_list("external_id", "name", "price_minor")) == {
        ("A", "Lamp", 255),
        ("CUP", "Cup", 0),
    }
    assert OrderLine.objects.get(line="POST.1").product is None


def test_times_are_of_the_zone_that_the_mapping_names(shop_file, capsys):
    run(shop_file, capsys)
    assert Order.objects.get(external_id="1").placed_at == datetime(2011, 7, 1, 7, 26, tzinfo=UTC)
    assert Order.objects.get(external_id="2").placed_at == datetime(2011, 1, 5, 10, tzinfo=UTC)


def test_customers_get_address_country_and_declared_consent(shop_file, capsys):
    run(shop_file, capsys)
    found = Customer.objects.order_by("email").values_list("email", "country")
    assert list(found) == [
        ("c12346@example.com", "IE"),
        ("c12347@example.com", ""),
        ("c17850@example.com", "GB"),
    ]
    assert Consent.objects.filter(is_granted=True).count() == 3


def test_refused_rows_are_kept_with_number_and_reason(shop_file, capsys):
    told = run(shop_file, capsys)
    kept = list(csv.reader(Path(told["rejects_file"]).read_text().splitlines()))
    assert kept[0][:3] == ["row", "reason", "InvoiceNo"]
    assert [row[:3] for row in kept[1:]] == [
        ["7", "no_customer_id", "4"],
        ["8", "stock_adjustment", "5"],
        ["9", "bad_number", "6"],
        ["10", "bad_time", "7"],
        ["11", "wrong_number_of_columns", "8"],
        ["12", "in_the_future", "9"],
    ]


def test_gzip_and_limit_read_the_same_rows(shop_file, capsys):
    zipped = shop_file.with_name("shop.csv.gz")
    zipped.write_bytes(gzip.compress(shop_file.read_bytes()))
    assert run(zipped, capsys, limit=3)["inserted"] == 3


def test_a_limit_reads_a_part_and_the_rest_comes_later(shop_file, capsys):
    assert run(shop_file, capsys, limit=2)["rows_in"] == 2
    assert Order.objects.get().total_minor == 3060
    assert run(shop_file, capsys)["inserted"] == 5
    assert Order.objects.get(external_id="1").total_minor == 4860


def test_the_reconciliation_is_printed_for_people(shop_file, capsys):
    call_command(
        "import_events", str(shop_file), mapping="online_retail", rejects=str(shop_file.parent / "r.csv")
    )
    printed = capsys.readouterr().out
    assert "rejected: no_customer_id" in printed
    assert "3 customers made" in printed
    assert "in GBP have no rate into EUR" in printed


def test_nothing_is_said_of_rates_where_the_shop_reports_in_its_own_currency(shop_file, capsys, settings):
    settings.REPORTING_CURRENCY = "GBP"
    assert run(shop_file, capsys)["without_rate"] == {}
    call_command("rebuild_facts")
    assert capsys.readouterr().out == "The facts of 3 customers were made anew.\n"


def test_a_file_that_cannot_be_unpacked_or_decoded_is_bad_input(shop_file, capsys):
    broken = shop_file.with_name("broken.csv.gz")
    broken.write_bytes(gzip.compress(shop_file.read_bytes())[:10] + b"\xff" * 20)
    with pytest.raises(CommandError, match="cannot be read") as caught:
        run(broken, capsys)
    assert caught.value.returncode == 2


def test_a_run_that_was_taken_over_ends_with_its_own_code(shop_file, capsys, monkeypatch):
    def taken_over(*args, **kwargs):
        SyncRun.objects.update(status=SyncRun.Status.FAILED)
        raise LostLease("It was taken over.")

    monkeypatch.setattr(Books, "add", taken_over)
    with pytest.raises(CommandError, match="taken over") as caught:
        run(shop_file, capsys)
    assert caught.value.returncode == 4


def test_blanks_around_a_value_do_not_make_another_customer(shop_file, capsys):
    rows = [ROWS[0], ROWS[3].replace("12346", " 17850 ")]
    shop_file.write_text("\n".join([HEADER, *rows]) + "\n")
    run(shop_file, capsys)
    assert Customer.objects.count() == 1


def test_a_product_of_two_huge_numbers_refuses_its_row(shop_file, capsys):
    rows = [ROWS[0], "9,CUP,Cup,1000000000000000000,2011-07-04 09:00:00,1000000000000000000,12346,EIRE"]
    shop_file.write_text("\n".join([HEADER, *rows]) + "\n")
    assert run(shop_file, capsys)["rejected"] == {"bad_number": 1}


def test_a_broken_gzip_fails_the_run_and_says_to_run_again(shop_file, capsys):
    broken = shop_file.with_name("broken.csv.gz")
    broken.write_bytes(gzip.compress(shop_file.read_bytes())[:-20])
    with pytest.raises(CommandError, match="Run it again") as caught:
        run(broken, capsys)
    assert caught.value.returncode == 4
    assert SyncRun.objects.get().status == SyncRun.Status.FAILED


def test_a_second_import_of_a_running_source_is_refused(shop_file, capsys):
    at = datetime(2999, 1, 1, tzinfo=UTC)
    SyncRun.objects.create(source="online_retail", started_at=at, lease_until=at)
    with pytest.raises(CommandError, match="being read already") as caught:
        run(shop_file, capsys)
    assert caught.value.returncode == 3
    assert not Event.objects.exists()


def test_a_run_whose_lease_ran_out_is_closed_and_taken_over(shop_file, capsys):
    at = datetime(2020, 1, 1, tzinfo=UTC)
    SyncRun.objects.create(source="online_retail", started_at=at, lease_until=at)
    assert run(shop_file, capsys)["inserted"] == 7
    assert SyncRun.objects.order_by("pk").first().status == SyncRun.Status.FAILED


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("source: Bad Name", "source"),
        ("kinds: []", "kinds"),
        ("time: {column: when, zone: Mars/Olympus}", "time.zone"),
        ("kinds: [{event: order_lime, id: x}]", "kinds[0].event"),
        ("customer: {id: x, shoe: y}", "customer"),
        ("kinds: [{event: searched}]", "kinds[0].id"),
        ("customer: {id: x, country: {value: '{c}', table: lands}}", "customer.country.table"),
    ],
)
def test_a_wrong_mapping_is_refused_and_its_place_named(shop_file, capsys, change, place):
    lines = {
        "version": "version: 1",
        "source": "source: shop",
        "time": "time: {column: when, zone: UTC}",
        "customer": "customer: {id: x}",
        "kinds": "kinds: [{event: searched, id: x}]",
    }
    lines[change.partition(":")[0]] = change
    path = shop_file.with_name("map.yaml")
    path.write_text("\n".join(lines.values()))
    with pytest.raises(CommandError) as caught:
        run(shop_file, capsys, mapping=str(path))
    assert caught.value.returncode == 2
    assert f"\n{place}" in str(caught.value)
    assert not SyncRun.objects.exists()


def test_a_mapping_that_names_a_column_the_file_has_not_is_refused(shop_file, capsys):
    shop_file.write_text("InvoiceNo,StockCode\n1,2\n")
    with pytest.raises(CommandError, match="no column 'InvoiceDate'") as caught:
        run(shop_file, capsys)
    assert caught.value.returncode == 2


def test_latin_1_is_read_when_the_mapping_says_so(shop_file, capsys):
    mapping = shop_file.with_name("map.yaml")
    mapping.write_text(
        "version: 1\nsource: shop\nformat: {encoding: latin-1, delimiter: ';'}\n"
        "time: {column: at}\ncustomer: {email: '{mail}', city: '{city}'}\n"
        "kinds: [{event: searched, id: '{id}', properties: {text: '{q}'}}]\n"
    )
    shop_file.write_bytes("id;at;mail;city;q\n1;2026-01-01T00:00:00Z;Ann@X.org;Köln;Zelt\n".encode("latin-1"))
    assert run(shop_file, capsys, mapping=str(mapping))["inserted"] == 1
    assert Customer.objects.get().city == "Köln"
    assert Event.objects.get().properties == {"text": "Zelt"}


def test_bytes_that_are_not_of_the_encoding_are_refused(shop_file, capsys):
    shop_file.write_bytes(f"{HEADER}\n".encode() + b"1,A,L\xe4mp,6,2011-07-01 08:26:00,2.55,1,France\n")
    assert run(shop_file, capsys)["rejected"] == {"bad_encoding": 1}


SHARED = settings.BASE_DIR.parent / "shared" / "data" / "online_retail.csv.gz"


@pytest.mark.shared_data
def test_a_slice_of_the_real_file_agrees_with_a_count_by_hand(capsys, tmp_path):
    """Customers, orders, gross revenue and refunds of 3,000 real rows, summed here without our code."""
    with gzip.open(SHARED, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:3000]
    named = [row for row in rows if row["CustomerID"]]
    sold = [row for row in named if not row["InvoiceNo"].startswith("C")]
    back = [row for row in named if row["InvoiceNo"].startswith("C")]
    path = tmp_path / "slice.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    told = run(path, capsys)
    assert told["inserted"] == len(named)
    assert told["rejected"] == {"no_customer_id": len(rows) - len(named)}
    assert Customer.objects.count() == len({row["CustomerID"] for row in named})
    assert Order.objects.count() == len({row["InvoiceNo"] for row in sold})
    pence = [round(int(row["Quantity"]) * float(row["UnitPrice"]) * 100) for row in sold]
    assert sum(Order.objects.values_list("total_minor", flat=True)) == sum(pence)
    assert sum(Refund.objects.values_list("amount_minor", flat=True)) == sum(
        round(-int(row["Quantity"]) * float(row["UnitPrice"]) * 100) for row in back
    )
    assert run(path, capsys)["inserted"] == 0
