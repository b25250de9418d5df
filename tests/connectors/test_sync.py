"""A source is read once, piece by piece, and its books say what happened."""

import gzip
import json
import os
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from common.clock import now
from connectors import feeds
from connectors.admin import SourceForm
from connectors.models import Source
from connectors.sync import due_sources, sync_source
from connectors.tasks import sync_source as sync_task
from customers.importing.books import AlreadyRunning, open_books
from customers.models import Customer, DataSource, Event, EventType, Order, SyncRun
from customers.quality import reconciliations
from customers.quality.reconciliations import reconcile

pytestmark = pytest.mark.django_db
MAPPING = {
    "version": 1,
    "source": "shop",
    "currency": "EUR",
    "time": {"column": "at"},
    "customer": {"id": "{buyer.id}", "email": "{buyer.email}"},
    "http": {"records": "data.orders", "cursor_param": "after", "next_cursor": "next"},
    "kinds": [
        {
            "event": "order_line",
            "id": "{id}",
            "order": "{order}",
            "line": "{id}",
            "value": "{amount}",
            "product": {"id": "{sku}"},
        }
    ],
}


def order_line(number: int) -> dict:
    return {
        "id": number,
        "order": f"A{number // 2}",
        "at": "2026-02-01T10:00:00+01:00",
        "amount": "10.50",
        "sku": "tent",
        "buyer": {"id": number % 2, "email": f"b{number % 2}@example.com"},
    }


@pytest.fixture
def drop(tmp_path, settings):
    settings.DROP_DIR = tmp_path / "drop"
    settings.DROP_DIR.mkdir()
    settings.REJECTS_DIR = tmp_path / "rejects"
    return settings.DROP_DIR


@pytest.fixture
def files(drop) -> Source:
    mapping = MAPPING | {"customer": {"id": "{buyer}"}}
    return Source.objects.create(name="files", kind=Source.Kind.FILE_DROP, location="*.csv", mapping=mapping)


def write(drop, name: str, *numbers: int) -> None:
    lines = [f"{n},A{n},2026-02-01T10:00:00Z,10.50,tent,7" for n in numbers]
    put(drop / name, "\n".join(["id,order,at,amount,sku,buyer", *lines]) + "\n")


def put(path: Path, contents: str | bytes) -> None:
    """Write a file as if two minutes ago."""
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    settled = (now() - timedelta(minutes=2)).timestamp()
    os.utime(path, (settled, settled))


def test_a_dropped_file_is_read_once(drop, files):
    write(drop, "a.csv", 1, 2)
    first, second = sync_source(files.pk), sync_source(files.pk)
    assert (first.status, first.rows_in, first.inserted) == (SyncRun.Status.SUCCEEDED, 2, 2)
    assert (second.rows_in, second.inserted) == (0, 0)
    assert Order.objects.count() == 2


def test_new_files_and_files_that_grew_are_read(drop, files):
    write(drop, "a.csv", 1)
    sync_source(files.pk)
    write(drop, "a.csv", 1, 2)
    write(drop, "b.csv", 3)
    run = sync_source(files.pk)
    assert (run.rows_in, run.inserted, run.duplicates) == (3, 2, 1)
    files.refresh_from_db()
    assert set(files.cursor["files"]) == {"a.csv", "b.csv"}
    assert run.cursor_after == files.cursor


def test_a_file_that_cannot_be_read_fails_the_run_and_keeps_the_others(drop, files):
    write(drop, "b.csv", 1)
    put(drop / "a.csv", "id,id\n")
    packed = gzip.compress((drop / "b.csv").read_bytes())
    put(drop / "c.csv", packed[:10] + b"\xff" * 20)
    put(drop / "d.csv", packed[:-12])
    put(drop / "e.csv", "")
    write(drop, "f.csv", 2)
    run = sync_source(files.pk)
    assert run.status == SyncRun.Status.FAILED
    assert "a.csv cannot be read: Two columns have the same name." in run.error
    assert "c.csv cannot be read" in run.error
    assert "d.csv cannot be read" in run.error
    assert "e.csv" not in run.error
    assert Order.objects.count() == 2
    files.refresh_from_db()
    assert set(files.cursor["files"]) == {"b.csv", "f.csv"}


def test_a_file_that_is_being_written_waits(drop, files):
    write(drop, "a.csv", 1)
    os.utime(drop / "a.csv")
    assert sync_source(files.pk).rows_in == 0
    write(drop, "a.csv", 1)
    assert sync_source(files.pk).rows_in == 1


def test_a_run_that_was_taken_over_ends_without_an_error(drop, files, monkeypatch):
    write(drop, "a.csv", 1)
    started = SyncRun.objects.filter(status=SyncRun.Status.RUNNING)
    monkeypatch.setattr(feeds, "_sha256", lambda path: str(started.update(status=SyncRun.Status.FAILED)))
    assert sync_source(files.pk).pk == SyncRun.objects.get().pk


def test_a_page_has_a_deadline(shop, api, monkeypatch):
    monkeypatch.setattr(feeds, "MAX_PAGE_SECONDS", -1.0)
    assert "took longer than" in sync_source(api.pk).error


def test_an_error_does_not_show_the_secrets_of_an_address(shop, api):
    Source.objects.update(location=api.location + "&token=s3cret")
    shop.status = 401
    assert sync_source(api.pk).error == "FeedError: The source answered 401."


def test_rows_that_come_in_pages_are_not_counted(shop, api):
    mapping = MAPPING | {"occurrence": {"of": ["order"]}}
    Source.objects.update(mapping=mapping)
    assert "cannot be counted by `occurrence`" in sync_source(api.pk).error
    fields = {"name": "x", "kind": "http_json", "location": api.location, "every_minutes": 5}
    form = SourceForm(fields | {"mapping": json.dumps(mapping)})
    assert set(form.errors) == {"mapping"}


def test_a_name_that_the_books_cannot_hold_is_refused(drop):
    form = SourceForm({"name": "x" * 94, "kind": "file_drop", "location": "*", "mapping": "{}"})
    assert "name" in form.errors


@pytest.mark.parametrize("pattern", ["../*.csv", "/etc/*.conf"])
def test_a_pattern_cannot_leave_the_drop_folder(drop, files, pattern):
    Source.objects.update(location=pattern)
    assert "leads out of the drop folder" in sync_source(files.pk).error


def test_a_link_out_of_the_drop_folder_is_not_followed(drop, files):
    write(drop.parent, "secret.csv", 1)
    (drop / "link.csv").symlink_to(drop.parent / "secret.csv")
    assert sync_source(files.pk).rows_in == 0


def test_refused_rows_are_kept_and_counted(drop, files):
    put(drop / "a.csv", "id,order,at,amount,sku,buyer\n1,A,never,1,tent,7\n")
    run = sync_source(files.pk)
    assert run.rejected == {"bad_time": 1}
    with Path(run.rejects_path).open() as kept:
        assert kept.read().splitlines()[1] == "1,bad_time,1,A,never,1,tent,7"


def test_one_source_is_read_by_one_run_at_a_time(drop, files):
    open_books("source:files")
    with pytest.raises(AlreadyRunning):
        sync_source(files.pk)
    assert sync_task(files.pk) is None


@pytest.fixture
def shop(drop):
    """A shop's API on a real socket: three pages of two lines, asked for with `after`."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            after = int(parse_qs(urlsplit(self.path).query).get("after", ["0"])[0])
            asked.append(after)
            lines = [order_line(n) for n in range(after, min(after + 2, server.count))]
            last = lines[-1]["id"] + 1 if lines else None
            body = server.raw or json.dumps({"data": {"orders": lines}, "next": last}).encode()
            self.send_response(server.status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.count, server.asked, server.raw, server.status = 6, asked, b"", 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(shop) -> Source:
    return Source.objects.create(
        name="api",
        kind=Source.Kind.HTTP_JSON,
        location=f"http://127.0.0.1:{shop.server_port}/orders?kind=line",
        mapping=MAPPING,
    )


def test_all_pages_are_read_and_only_news_afterwards(shop, api):
    run = sync_source(api.pk)
    assert (run.status, run.rows_in, run.inserted) == (SyncRun.Status.SUCCEEDED, 6, 6)
    assert shop.asked == [0, 2, 4, 6]
    assert (Order.objects.count(), Customer.objects.count()) == (3, 2)
    assert set(Order.objects.values_list("total_minor", flat=True)) == {2100}
    shop.count = 7
    assert sync_source(api.pk).inserted == 1
    assert shop.asked[4:] == [6, 7]
    assert Event.objects.filter(type=EventType.ORDER_LINE).count() == 7


def test_an_error_of_the_source_fails_the_run_with_its_reason(shop, api):
    shop.status = 503
    run = sync_source(api.pk)
    assert run.status == SyncRun.Status.FAILED
    assert "503" in run.error
    assert not Event.objects.exists()


def test_what_is_not_json_fails_the_run(shop, api):
    shop.raw = b"<html>"
    assert "not JSON" in sync_source(api.pk).error


def test_an_answer_that_is_too_large_fails_the_run(shop, api, monkeypatch):
    monkeypatch.setattr(feeds, "MAX_ANSWER_BYTES", 100)
    assert "larger than" in sync_source(api.pk).error


def test_an_address_inside_the_house_is_not_called(shop, api, settings):
    settings.OUTBOUND_ALLOWED = []
    run = sync_source(api.pk)
    assert (run.status, run.rows_in) == ("failed", 0)
    assert "127.0.0.1 leads into an internal network" in run.error


def test_only_http_is_spoken(shop, api):
    Source.objects.update(location="file:///etc/passwd")
    assert "must begin with http" in sync_source(api.pk).error


def test_a_wrong_mapping_fails_the_run_and_names_the_place(shop, api):
    Source.objects.update(mapping=MAPPING | {"kinds": []})
    assert "kinds" in sync_source(api.pk).error


def test_a_source_is_due_when_its_minutes_have_passed(drop, files):
    other = Source.objects.create(name="off", location="*.csv", mapping=MAPPING, is_enabled=False)
    assert due_sources() == [files.pk]
    sync_source(files.pk)
    assert due_sources() == []
    SyncRun.objects.update(started_at=now() - timedelta(minutes=14))
    assert due_sources() == []
    SyncRun.objects.update(started_at=now() - timedelta(minutes=15))
    assert due_sources() == [files.pk]
    assert other.pk not in due_sources()


def test_a_source_is_declared_to_data_health_as_long_as_it_is_there(drop, files):
    declared = DataSource.objects.get()
    assert (declared.name, declared.due_every) == ("source:files", timedelta(minutes=15))
    files.every_minutes, files.is_enabled = 60, False
    files.save()
    declared.refresh_from_db()
    assert (declared.due_every, declared.is_watched, declared.mapping) == (
        timedelta(hours=1),
        False,
        files.mapping,
    )
    files.delete()
    assert not DataSource.objects.exists()


def test_all_files_are_compared_with_what_is_stored_and_the_cursor_stays(drop, files):
    write(drop, "a.csv", 1, 2)
    sync_source(files.pk)
    write(drop, "b.csv", 3)
    files.refresh_from_db()
    cursor = files.cursor
    result = reconcile("source:files")
    assert (result["rows"], result["matched"], result["not_stored_keys"]) == (3, 2, ["3 3"])
    files.refresh_from_db()
    assert files.cursor == cursor


def test_an_address_is_compared_from_its_first_page(shop, api):
    sync_source(api.pk)
    assert reconcile("source:api")["is_equal"]
    assert shop.asked[4:] == [0, 2, 4, 6]


def test_a_source_that_cannot_be_read_fails_its_comparison(shop, api):
    sync_source(api.pk)
    shop.status = 503
    asked = reconciliations.ask("source:api", by=None)
    reconciliations.run(asked.pk)
    asked.refresh_from_db()
    assert (asked.state, "503" in asked.error) == ("failed", True)


def test_a_field_that_no_record_has_any_more_is_told(shop, api):
    sync_source(api.pk)
    whole = [order_line(number) for number in range(6, 9)]
    for one in whole:
        del one["buyer"]["email"]
    shop.raw = json.dumps({"data": {"orders": whole}, "next": 9}).encode()
    run = sync_source(api.pk)
    assert [one["sentence"] for one in run.findings] == ["Column buyer.email is empty now; it held text."]


def test_half_a_character_is_refused_and_the_other_records_are_kept(shop, api):
    whole = [order_line(number) for number in range(2)]
    whole[0]["sku"] = "\ud800"
    shop.raw = json.dumps({"data": {"orders": whole}, "next": None}).encode()
    run = sync_source(api.pk)
    assert (run.status, run.rejected, run.inserted) == ("succeeded", {"bad_encoding": 1}, 1)
