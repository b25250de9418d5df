"""The copy of everything that is known about a person."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from customers.export import as_zip, export_person
from customers.ingest import ingest
from customers.models import Customer
from customers.policies import OnErasure, policies
from tests.customers import canary
from tests.customers.canary import EMAIL

pytestmark = pytest.mark.django_db


@pytest.fixture
def bird(settings: Settings, tmp_path: Path) -> Customer:
    settings.REJECTS_DIR, settings.DROP_DIR = tmp_path / "rejects", tmp_path / "drop"
    ingest(canary.behave("cust-1", "bob@example.com", traits={"first_name": "Robert"}), source="shop")
    return canary.make(User.objects.create_user("boss@example.com", role=Role.ADMIN))


def test_it_has_rows_of_every_table_that_is_about_people(bird: Customer) -> None:
    declared = {
        policy.model
        for policy in policies()
        if policy.is_exported and policy.on_erasure != OnErasure.NOT_PERSONAL
    }
    assert set(export_person(bird)["tables"]) == declared


def test_it_says_what_was_bought_done_and_allowed(bird: Customer) -> None:
    tables = export_person(bird)["tables"]
    (line,) = tables["customers.OrderLine"]["rows"]
    assert (line["description"], line["total_minor"]) == ("Tent, engraved for Xanthippe", 200)
    assert {row["type"] for row in tables["customers.Event"]["rows"]} >= {"searched", "got a refund"}
    me = next(row for row in tables["customers.Customer"]["rows"] if row["email"])
    assert (me["email"], me["birth_date"], me["attributes"]) == (EMAIL, "1887-04-05", {"nickname": "canary"})
    assert len(tables["customers.ConsentRecord"]["rows"]) >= 4


def test_it_has_nothing_of_anybody_else(bird: Customer) -> None:
    text = json.dumps(export_person(bird))
    assert [
        word for word in ("Robert", "bob@example.com", 'cust-1"', "boss@example.com") if word in text
    ] == []


def test_the_zip_has_a_file_for_each_table_without_formulas(bird: Customer) -> None:
    Customer.objects.filter(pk=bird.pk).update(last_name="=HYPERLINK(1)")
    with zipfile.ZipFile(io.BytesIO(as_zip(export_person(Customer.objects.get(pk=bird.pk))))) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("customers.Customer.csv").decode())))
        row = next(row for row in rows if row["email"])
        assert (row["last_name"], row["email"]) == ("'=HYPERLINK(1)", EMAIL)
        assert "everything.json" in archive.namelist()


def test_the_command_writes_a_file_and_notes_it(bird: Customer, tmp_path: Path) -> None:
    call_command("export_person", "cust-90210", str(tmp_path / "copy.json"), stdout=io.StringIO())
    assert json.loads((tmp_path / "copy.json").read_text())["allowed_now"]["profiling"] is True
    assert (tmp_path / "copy.json").stat().st_mode & 0o777 == 0o600
    assert AuditEntry.objects.filter(action="exported a person", object_id=str(bird.pk)).count() == 1


@pytest.mark.parametrize(
    ("who", "file", "sentence"),
    [("nobody@example.com", "x.json", "Nobody"), ("cust-90210", "x.csv", "must end in")],
    ids=["nobody", "csv"],
)
def test_the_command_refuses(bird: Customer, tmp_path: Path, who: str, file: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("export_person", who, str(tmp_path / file))
    assert not (tmp_path / file).exists()
