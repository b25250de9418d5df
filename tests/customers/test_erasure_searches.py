"""Where an erasure looks for the person beside the rows that keys lead to: files of any form, and ids of any shape."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from common.clock import now
from connectors.models import Source
from customers import erasure
from customers.erasure import erase, subject_of
from customers.models import (
    Customer,
    CustomerIdentity,
    DataSource,
    Order,
    PeopleImport,
    QuarantinedRow,
    Reconciliation,
    Refund,
    SourcePolicy,
    SyncRun,
)

pytestmark = pytest.mark.django_db
EMAIL = "canary.bird@example.com"
EVENTS = {
    "version": 1,
    "source": "shop",
    "time": {"column": "at"},
    "customer": {"id": "c{buyer}"},
    "kinds": [{"event": "order_line", "id": "{order}", "order": "{order}", "line": "1", "value": "{amount}"}],
}
LIST = {"source": "shop", "columns": {"id": "Customer no"}}


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    settings.REJECTS_DIR, settings.DROP_DIR = tmp_path / "rejects", tmp_path / "drop"
    settings.IMPORTS_DIR = tmp_path / "imports"
    settings.PERSONAL_FILES = [settings.REJECTS_DIR, settings.DROP_DIR, settings.IMPORTS_DIR]
    settings.ERASURES_FILE = tmp_path / "erasures.jsonl"
    for folder in settings.PERSONAL_FILES:
        folder.mkdir()


@pytest.fixture
def bird() -> Customer:
    """Known to the shop as c42 and, in its lists, as 77; bought order 815."""
    customer = Customer.objects.create(email=EMAIL, first_name="Xanthippe")
    for value in ("c42", "77"):
        CustomerIdentity.objects.create(namespace="shop", value=value, customer=customer)
    order = Order.objects.create(
        source="shop", external_id="815", customer=customer, placed_at=now(), currency="EUR", total_minor=1
    )
    Refund.objects.create(
        source="shop",
        external_id="9",
        customer=customer,
        order=order,
        refunded_at=now(),
        currency="EUR",
        amount_minor=1,
    )
    return customer


def forget(customer: Customer) -> None:
    erase(customer.pk, by=None, reason="asked")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-8-sig", "cp1252"])
def test_a_list_in_any_encoding_is_searched_and_keeps_it(
    bird: Customer, settings: Settings, encoding: str
) -> None:
    path = settings.DROP_DIR / "list.csv"
    path.write_bytes(f"mail;name\r\n{EMAIL};Zoë\r\nbob@example.com;Bøb\r\n".encode(encoding))
    forget(bird)
    assert path.read_bytes() == "mail;name\r\nbob@example.com;Bøb\r\n".encode(encoding)


def test_an_address_in_its_written_form_is_found_in_windows_text(settings: Settings) -> None:
    customer = Customer.objects.create(email="ada@xn--bcher-kva.de")
    path = settings.DROP_DIR / "list.csv"
    path.write_bytes("mail\nada@bücher.de\nbob@bücher.de\n".encode("cp1252"))
    forget(customer)
    assert path.read_bytes() == "mail\nbob@bücher.de\n".encode("cp1252")


@pytest.mark.parametrize("name", ["list.txt", "list.tsv", "list.csv", "list"])
def test_a_row_of_several_lines_goes_whole_whatever_the_file_is_called(
    bird: Customer, settings: Settings, name: str
) -> None:
    path = settings.DROP_DIR / name
    path.write_text(f'mail\tnote\n{EMAIL}\t"lives in\n""Ouagadougou""\nnow"\nbob@example.com\t5" screen\n')
    forget(bird)
    assert path.read_text() == 'mail\tnote\nbob@example.com\t5" screen\n'


def test_a_quotation_mark_that_is_never_closed_costs_nobody_elses_row(
    bird: Customer, settings: Settings
) -> None:
    path = settings.DROP_DIR / "list.csv"
    path.write_text(f'mail,note\nbob@example.com,"open\n{EMAIL},x\neve@example.com,y\n')
    forget(bird)
    assert path.read_text() == 'mail,note\nbob@example.com,"open\neve@example.com,y\n'


def test_a_quotation_mark_after_another_delimiter_costs_nobody_elses_row(
    bird: Customer, settings: Settings
) -> None:
    path = settings.DROP_DIR / "list.csv"
    path.write_text(f'n;note;mail\n1;Tom said,"hi;a@b.example\n2;x;{EMAIL}\n3;ok,"yes;c@d.example\n')
    forget(bird)
    assert path.read_text() == 'n;note;mail\n1;Tom said,"hi;a@b.example\n3;ok,"yes;c@d.example\n'


@pytest.mark.parametrize(
    ("row", "is_theirs"),
    [
        ('"a""b";"c\n";77', True),
        ('"a"b;"c ""\nd""";77', True),
        ('a"b;"";77', True),
        ('";77";x;78', False),
        ('"x\n1;2;77\n";y;78', False),
    ],
)
def test_quoted_cells_are_read_as_csv_reads_them(
    bird: Customer, settings: Settings, row: str, is_theirs: bool
) -> None:
    path = settings.IMPORTS_DIR / "upload.csv"
    text = "a;b;Customer no\n{}z;z;79\n"
    path.write_text(text.format(f"{row}\n"))
    PeopleImport.objects.create(name="list", path=str(path), mapping=LIST)
    forget(bird)
    assert path.read_text() == text.format("" if is_theirs else f"{row}\n")


def test_rows_between_stray_quotation_marks_and_line_ends_are_searched_too(
    bird: Customer, settings: Settings
) -> None:
    path = settings.IMPORTS_DIR / "upload.csv"
    path.write_bytes(b'a;Customer no\n"x"\ry;77\n"never\ry;closed;78\nx\ry;77\n')
    PeopleImport.objects.create(name="list", path=str(path), mapping=LIST)
    forget(bird)
    assert b"77" not in path.read_bytes()
    assert b"closed;78" in path.read_bytes()


def test_lines_of_json_are_rows_of_their_own(bird: Customer, settings: Settings) -> None:
    path = settings.DROP_DIR / "events.jsonl"
    path.write_text(f'{{"a":"5\\" x",\n"who":"{EMAIL}"}}\n{{"who":"bob"}}\n')
    forget(bird)
    assert path.read_text() == '{"a":"5\\" x",\n{"who":"bob"}\n'


def test_a_short_id_is_found_in_its_column_of_a_list_and_nowhere_else(
    bird: Customer, settings: Settings
) -> None:
    path = settings.IMPORTS_DIR / "upload.csv"
    path.write_text("Age,Customer no\n77,78\n31, 77\n8,770\n")
    PeopleImport.objects.create(name="list", path=str(path), mapping=LIST)
    forget(bird)
    assert path.read_text() == "Age,Customer no\n77,78\n8,770\n"


def test_a_number_is_found_in_its_column_of_refused_rows(bird: Customer, settings: Settings) -> None:
    path = settings.REJECTS_DIR / "shop.csv"
    path.write_bytes(b"row,reason,buyer,order,amount\r\n1,x,42,1,1\r\n2,x,1,815,42\r\n3,x,1,42,815\r\n")
    DataSource.objects.create(name="shop", mapping=EVENTS)
    SyncRun.objects.create(source="shop", started_at=now(), rejects_path=str(path))
    forget(bird)
    assert path.read_bytes() == b"row,reason,buyer,order,amount\r\n3,x,1,42,815\r\n"


def test_a_number_is_found_in_its_column_of_the_drop_folder(bird: Customer, settings: Settings) -> None:
    theirs, others = settings.DROP_DIR / "orders.csv.gz", settings.DROP_DIR / "stock.csv"
    theirs.write_bytes(gzip.compress(b"buyer,order,amount\n42,1,1\n41,2,42\n"))
    others.write_text("buyer,order,amount\n42,1,1\n")
    Source.objects.create(name="orders", kind="file_drop", location="orders*", mapping=EVENTS)
    forget(bird)
    assert gzip.decompress(theirs.read_bytes()) == b"buyer,order,amount\n41,2,42\n"
    assert others.read_text() == "buyer,order,amount\n42,1,1\n"


def quarantine(source: str, **cells: str) -> int:
    raw = [list(pair) for pair in cells.items()]
    row = QuarantinedRow(
        source=source, number=1, reason="x", raw=raw, fingerprint=repr((source, raw)).encode()[-16:]
    )
    row.save()
    return row.pk


def test_quarantined_rows_are_found_by_whole_cells_of_their_column(bird: Customer) -> None:
    for name in ("shop", "other"):
        DataSource.objects.create(name=name, mapping=EVENTS | {"source": name})
    theirs = [quarantine("shop", buyer="42 ", order="1"), quarantine("shop", buyer="", order="815")]
    others = [
        quarantine("shop", buyer="421", order="42"),
        quarantine("shop", buyer="815", order="8150"),
        quarantine("other", buyer="42", order="815"),
    ]
    forget(bird)
    assert set(QuarantinedRow.objects.values_list("pk", flat=True)) == set(others)
    assert len(theirs) == 2


def test_orders_that_are_shared_by_policy_are_sought_in_their_namespace(
    bird: Customer, settings: Settings
) -> None:
    SourcePolicy.objects.create(source="till", orders_namespace="shop", orders_rank=30)
    till = EVENTS | {"source": "till", "orders": {"namespace": "elsewhere", "rank": 1}}
    DataSource.objects.create(name="till", mapping=till)
    path = settings.REJECTS_DIR / "till.csv"
    path.write_text("row,reason,buyer,order\n1,x,,815\n2,x,,816\n")
    SyncRun.objects.create(source="till", started_at=now(), rejects_path=str(path))
    quarantine("till", buyer="", order="815")
    other = quarantine("till", buyer="", order="816")
    forget(bird)
    assert list(QuarantinedRow.objects.values_list("pk", flat=True)) == [other]
    assert path.read_text() == "row,reason,buyer,order\n2,x,,816\n"


def test_order_numbers_are_emptied_from_the_books_and_comparisons(bird: Customer) -> None:
    run = SyncRun.objects.create(source="shop", started_at=now(), first_key="815", last_key="815-2")
    other = SyncRun.objects.create(source="erp", started_at=now(), first_key="8150", last_key="99")
    missing = {"not_stored_keys": ["815 1"], "differing": 1}
    comparison = Reconciliation.objects.create(source="shop", result=missing)
    kept = Reconciliation.objects.create(
        source="shop", result={"not_stored_keys": ["8150"], "differing": 815}
    )
    forget(bird)
    run.refresh_from_db()
    assert (run.first_key, run.last_key, run.error) == ("", "", "")
    other.refresh_from_db()
    assert (other.first_key, other.last_key) == ("8150", "99")
    assert Reconciliation.objects.get(pk=comparison.pk).result == {}
    assert Reconciliation.objects.get(pk=kept.pk).result["differing"] == 815


def test_text_is_searched_while_nobody_waits_for_the_lock(
    bird: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    search = erasure._search

    def watched(subject: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            )
            held.append(cursor.fetchone()[0])
        return search(subject)

    monkeypatch.setattr(erasure, "_search", watched)
    forget(bird)
    assert held[0] == 0
    assert len(held) == 2


def test_what_came_while_the_erasure_was_on_its_way_is_found_too(
    bird: Customer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = settings.DROP_DIR / "late.csv"
    subject = subject_of(bird)
    apply = erasure._apply

    def meanwhile(*args: Any) -> Any:
        if not late.exists():
            late.write_text(f"mail\n{EMAIL}\nbob@example.com\n")
            quarantine("shop", mail=EMAIL)
        return apply(*args)

    monkeypatch.setattr(erasure, "_apply", meanwhile)
    receipt = erase(bird.pk, by=None, reason="asked")
    assert EMAIL in subject.emails
    assert late.read_text() == "mail\nbob@example.com\n"
    assert not QuarantinedRow.objects.exists()
    assert (receipt.counts["files"], receipt.counts["customers.QuarantinedRow"]) == (1, 1)
