"""Killed in the middle, met by a second worker, or beside ingest: each row counts once, each person is made once."""

import csv
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from customers.identity import Person, resolve
from customers.importing.people import batches, jobs, run
from customers.importing.people.files import examine
from customers.importing.people.guessing import guess
from customers.importing.people.mapping import written
from customers.merging import lock_makers
from customers.models import Customer, PeopleImport, SyncRun
from tests.flows.programs import PATIENCE_SECONDS, eventually, point_programs_here

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 2000
SMALL = 250
ADVANCE = f"""
import sys, django; django.setup()
from customers.importing.people import batches, jobs
batches.SIZE = {SMALL}
jobs.advance(int(sys.argv[1]))
"""


@pytest.fixture
def job(tmp_path, monkeypatch) -> PeopleImport:
    monkeypatch.setattr(batches, "SIZE", SMALL)
    path = tmp_path / "people.csv"
    lines = [f"{n},p{n}@example.com,Person {n}" for n in range(ROWS)]
    lines[99::100] = [f"{n},broken,Person" for n in range(99, ROWS, 100)]
    path.write_text("\n".join(["customer id,email,first name", *lines]))
    mapping = written(guess(examine(path, whole=False), source="crm"))
    return PeopleImport.objects.create(name=path.name, path=str(path), mapping=mapping, state="importing")


def test_a_killed_import_goes_on_where_it_stopped(job, monkeypatch):
    point_programs_here(monkeypatch)
    process = subprocess.Popen([sys.executable, "-c", ADVANCE, str(job.pk)], cwd=settings.BASE_DIR)
    try:
        assert eventually(lambda: SyncRun.objects.filter(rows_in__gte=SMALL).exists())
        with transaction.atomic():
            lock_makers()
            before = SyncRun.objects.get().rows_in
            assert process.poll() is None
            process.kill()
            process.wait(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert 0 < before < ROWS
    assert eventually(lambda: jobs.advance(job.pk).state == "done")
    books = SyncRun.objects.get()
    assert (books.status, books.rows_in, books.inserted) == ("succeeded", ROWS, ROWS - 20)
    assert Customer.objects.count() == ROWS - 20
    with Path(books.rejects_path).open() as file:
        numbers = [int(row["row"]) for row in csv.DictReader(file)]
    assert numbers == list(range(100, ROWS + 1, 100))


def test_an_import_that_breaks_off_is_failed_and_goes_on_when_asked(job, monkeypatch):
    def break_off(rows: int) -> None:
        if rows == 3 * SMALL:
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        jobs.advance(job.pk, on_batch=break_off)
    failed = PeopleImport.objects.get()
    assert (failed.state, failed.run.status, failed.run.rows_in) == ("failed", "failed", 3 * SMALL)
    jobs.ask(failed, jobs.State.IMPORTING, among=(jobs.State.FAILED,))
    assert jobs.advance(job.pk).state == "done"
    assert SyncRun.objects.get().inserted == ROWS - 20


def test_a_second_worker_leaves_an_import_alone(job):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [jobs._LOCK, job.pk])
        try:
            assert in_thread(lambda: jobs.advance(job.pk)).state == "importing"
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [jobs._LOCK, job.pk])
    assert not SyncRun.objects.exists()


def test_a_batch_that_another_process_entered_is_not_stored_again(job):
    def overtake(rows: int) -> None:
        if rows == SMALL:
            SyncRun.objects.update(rows_in=2 * SMALL)

    with pytest.raises(run.LostLease):
        run.carry_out(job, on_batch=overtake)
    assert Customer.objects.count() == SMALL - 2
    assert SyncRun.objects.get().status == "running"


def test_a_file_that_changed_since_its_check_is_refused(job):
    run.check(job)
    Path(job.path).write_text("customer id,email,first name\n1,x@example.com,X\n")
    assert jobs.advance(job.pk).state == "failed"
    assert "has changed since it was checked" in PeopleImport.objects.get().error
    assert not Customer.objects.exists()


def test_ingest_and_a_list_make_each_person_once(job):
    people = [Person("shop", str(n), f"p{n}@example.com") for n in range(ROWS)]

    def resolve_all() -> None:
        for start in range(ROWS, 0, -100):
            resolve(people[start - 100 : start], source="shop")

    other = threading.Thread(target=lambda: in_own_connection(resolve_all))
    other.start()
    books = run.carry_out(job)
    other.join()
    assert books.adds_up
    assert Customer.objects.count() == ROWS
    assert Customer.objects.filter(identities__namespace="crm").count() == ROWS - 20


def test_sweeping_finds_what_waits_and_discards_what_was_left_lying(job, settings, tmp_path):
    settings.IMPORTS_DIR = tmp_path
    old = PeopleImport.objects.create(name="old", path=str(tmp_path / "old"))
    (tmp_path / "old").touch()
    PeopleImport.objects.filter(pk=old.pk).update(updated_at="2020-01-01T00:00:00Z")
    assert jobs.sweep() == [job.pk]
    assert PeopleImport.objects.get(pk=old.pk).state == "discarded"
    assert not (tmp_path / "old").exists()


def in_own_connection(work):
    try:
        return work()
    finally:
        connection.close()


def in_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(in_own_connection(work)))
    thread.start()
    thread.join()
    return found[0]
