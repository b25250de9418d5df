"""A list of people: checked without a trace, imported once, every row accounted for."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from customers import consent
from customers.models import Consent, Customer, CustomerIdentity, PeopleImport, Suppression, SyncRun
from customers.models.duplicate import SourcePolicy

pytestmark = pytest.mark.django_db
HEADER = "Customer no,E-Mail,Vorname,Nachname,Geburtstag,Land,Newsletter,Club"
ROWS = [
    "7,Ann@EXAMPLE.com,Ann,Lee,31.12.1980,Deutschland,ja,gold",
    "8,bob@example.com,Bob,,1980-02-01,GB,nein,",
    "9,cleo@example.com,Cleo,Ray,,ie,,silver",
    "9,cleo@example.com,Cleo again,Ray,,IE,,",
    "10,ANN@example.com,Ann,Lower,,,,",
    "11,not an address,Dan,,,,,",
    "12,eve@example.com,Eve,,31.02.1990,,,",
    "13,fay@example.com,Fay,,,Atlantis,,",
    "14,gil@example.com,Gil,,,,maybe,",
    "15,hal@example.com",
    ",,,,,,,",
]
PROOF = "Ticked the box at the till in 2024; forms are in the archive."


@pytest.fixture(autouse=True)
def folders(settings, tmp_path) -> None:
    settings.REJECTS_DIR, settings.IMPORTS_DIR = tmp_path / "rejects", tmp_path / "imports"


@pytest.fixture
def people_file(tmp_path) -> Path:
    return write(tmp_path / "Old list.csv", ROWS)


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def run(path: Path, capsys, **options) -> dict:
    capsys.readouterr()
    call_command("import_customers", str(path), json=True, **{"proof": PROOF} | options)
    return json.loads(capsys.readouterr().out)


def test_only_the_judgement_does_without_joins_by_hash(people_file, capsys):
    run(people_file, capsys)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('enable_hashjoin'), current_setting('enable_mergejoin')")
        assert cursor.fetchone() == ("on", "on")


def test_every_row_is_accounted_for(people_file, capsys):
    told = run(people_file, capsys)
    assert told["rows"] == len(ROWS)
    assert told["stored"] == {"new": 4, "duplicate": 1}
    assert told["rejected"] == {
        "bad_address": 1,
        "bad_birth_date": 1,
        "no_address_and_no_id": 1,
        "unclear_consent": 1,
        "unknown_country": 1,
        "wrong_number_of_columns": 1,
    }
    books = SyncRun.objects.get()
    assert (books.status, books.source, books.adds_up) == ("succeeded", "list:old_list", True)


def test_people_are_stored_with_all_that_the_list_says(people_file, capsys):
    run(people_file, capsys, mapping=None)
    ann = Customer.objects.get(email="Ann@example.com")
    assert (ann.first_name, ann.last_name, str(ann.birth_date)) == ("Ann", "Lee", "1980-12-31")
    assert (ann.country, ann.source, ann.is_anonymous) == ("DE", "old_list", False)
    assert list(ann.identities.values_list("namespace", "value")) == [("old_list", "7")]
    assert set(ann.traits_at) == {"email", "first_name", "last_name", "birth_date", "country"}
    assert Customer.objects.get(email="cleo@example.com").country == "IE"


def test_columns_that_are_named_as_attributes_are_kept(people_file, capsys, tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text("columns: {email: E-Mail}\nattributes: {club: Club}\nsource: crm\n")
    run(people_file, capsys, mapping=str(path), proof=None)
    found = Customer.objects.exclude(attributes={}).order_by("email").values_list("email", "attributes")
    assert list(found) == [("Ann@example.com", {"club": "gold"}), ("cleo@example.com", {"club": "silver"})]


def test_consent_is_recorded_with_its_proof_for_those_who_said_yes(people_file, capsys):
    run(people_file, capsys)
    given = Consent.objects.order_by("customer__email").values_list("customer__email", "is_granted", "proof")
    assert list(given) == [("Ann@example.com", True, PROOF), ("bob@example.com", False, PROOF)]


def test_answers_that_a_list_gives_are_in_its_books(people_file, capsys):
    assert run(people_file, capsys)["consents"] == {"granted": 1, "withdrawn": 1}
    assert SyncRun.objects.get().consents == {"granted": 1, "withdrawn": 1}


def test_a_yes_for_a_further_address_is_none_for_the_one_that_mail_goes_to(people_file, capsys):
    customer = Customer.objects.create(email="new@example.com")
    CustomerIdentity.objects.create(namespace="email", value="Ann@example.com", customer=customer)
    run(people_file, capsys)
    assert not Consent.objects.filter(customer=customer).exists()


def test_a_list_does_not_overrule_who_took_consent_back(people_file, capsys):
    ann = Customer.objects.create(email="Ann@example.com")
    consent.withdraw([ann.pk], source="unsubscribe link")
    run(people_file, capsys, consent="all")
    assert Consent.objects.get(customer=ann).is_granted is False
    assert (
        Consent.objects.filter(is_granted=True).count() == 2
    )  # Bob's no in the list outweighs "all"? see below


def test_a_no_in_a_repeated_row_counts(tmp_path, capsys):
    path = write(tmp_path / "l.csv", ["a@example.com,yes", "a@example.com,no"], "email,newsletter")
    assert run(path, capsys)["stored"] == {"new": 1, "duplicate": 1}
    assert Consent.objects.get().is_granted is False


def test_without_proof_nothing_is_imported(people_file, capsys):
    with pytest.raises(CommandError, match="without proof no consent") as caught:
        run(people_file, capsys, proof="yes")
    assert caught.value.returncode == 2
    assert not Customer.objects.exists()


def test_a_dry_run_says_the_same_and_writes_nothing(people_file, capsys):
    Customer.objects.create(email="bob@example.com", first_name="Robert")
    told = run(people_file, capsys, dry_run=True)
    assert told["stored"] == {"new": 3, "updated": 1, "duplicate": 1}
    assert Customer.objects.count() == 1
    assert not SyncRun.objects.exists() and not Consent.objects.exists()
    assert not CustomerIdentity.objects.exists()
    assert Path(told["errors_file"]).is_file()
    job = PeopleImport.objects.get()
    assert [one["row"] for one in job.report["examples"]] == [4, 6, 7, 8, 9, 10, 11]
    real = run(people_file, capsys)
    assert (real["stored"], real["rejected"]) == (told["stored"], told["rejected"])


def test_the_same_list_again_changes_nothing(people_file, capsys):
    run(people_file, capsys)
    before = list(Customer.objects.order_by("pk").values())
    again = run(people_file, capsys)
    assert again["stored"] == {"unchanged": 4, "duplicate": 1}
    assert list(Customer.objects.order_by("pk").values()) == before


def test_blank_cells_never_erase(tmp_path, capsys):
    Customer.objects.create(email="a@example.com", first_name="Ada", country="GB", attributes={"size": "M"})
    path = write(tmp_path / "l.csv", ["a@example.com,,,"], "email,first name,country,size")
    assert run(path, capsys)["stored"] == {"unchanged": 1}
    assert Customer.objects.get().first_name == "Ada"


def test_existing_customers_can_be_left_as_they_are(tmp_path, capsys):
    Customer.objects.create(email="a@example.com", first_name="Ada")
    path = write(tmp_path / "l.csv", ["a@example.com,Anna", "b@example.com,Bea"], "email,first name")
    mapping = tmp_path / "map.yaml"
    mapping.write_text("columns: {email: email, first_name: first name}\nexisting: leave\n")
    assert run(path, capsys, mapping=str(mapping))["stored"] == {"new": 1, "skipped": 1}
    assert Customer.objects.get(email="a@example.com").first_name == "Ada"


def test_an_id_finds_its_customer_and_gives_the_missing_address(tmp_path, capsys):
    ada = Customer.objects.create(first_name="Ada")
    CustomerIdentity.objects.create(namespace="crm", value="7", customer=ada)
    path = write(tmp_path / "l.csv", ["7,ada@example.com"], "customer id,email")
    assert run(path, capsys, source="crm")["stored"] == {"updated": 1}
    assert Customer.objects.get().email == "ada@example.com"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("7,other@example.com", "id_has_another_address"),
        ("9,ada@example.com", "address_has_another_id"),
        ("7,bob@example.com", "address_belongs_to_somebody_else"),
    ],
)
def test_a_row_that_contradicts_what_is_known_is_refused(tmp_path, capsys, row, reason):
    ada = Customer.objects.create(email="ada@example.com")
    Customer.objects.create(email="bob@example.com")
    CustomerIdentity.objects.create(namespace="crm", value="7", customer=ada)
    path = write(tmp_path / "l.csv", [row], "customer id,email")
    assert run(path, capsys, source="crm")["rejected"] == {reason: 1}
    assert Customer.objects.count() == 2


def test_ids_of_a_source_that_is_kept_apart_are_not_attached_by_address(tmp_path, capsys):
    Customer.objects.create(email="ada@example.com")
    SourcePolicy.objects.create(source="crm", attaches_by_email=False)
    path = write(tmp_path / "l.csv", ["7,ada@example.com"], "customer id,email")
    assert run(path, capsys, source="crm")["rejected"] == {"address_is_of_another_source": 1}
    assert not CustomerIdentity.objects.exists()


def test_a_further_address_of_somebody_leads_to_them(tmp_path, capsys):
    ada = Customer.objects.create(email="ada@example.com")
    CustomerIdentity.objects.create(
        namespace=CustomerIdentity.EMAIL, value="ada@work.example.com", customer=ada
    )
    path = write(tmp_path / "l.csv", ["ada@work.example.com,Ada"], "email,first name")
    assert run(path, capsys)["stored"] == {"updated": 1}
    assert Customer.objects.get().email == "ada@example.com"


def test_rows_that_were_not_stored_are_in_the_error_file(people_file, capsys):
    kept = list(csv.reader(Path(run(people_file, capsys)["errors_file"]).read_text().splitlines()))
    assert kept[0][:4] == ["row", "reason", "Customer no", "E-Mail"]
    assert [row[:2] for row in kept[1:3]] == [["4", "duplicate"], ["6", "bad_address"]]


def test_gzip_is_read(people_file, capsys):
    zipped = people_file.with_name("zipped.csv.gz")
    zipped.write_bytes(gzip.compress(people_file.read_bytes()))
    assert run(zipped, capsys)["stored"]["new"] == 4


def test_suppressed_addresses_are_kept_as_hashes_only(tmp_path, capsys):
    consent.suppress("old@example.com", "complaint")
    path = tmp_path / "never.csv"
    path.write_text("new@example.com\nold@EXAMPLE.com\nnew@example.com\nnonsense\n")
    told = run(path, capsys, suppress=True)
    assert (told["stored"], told["rejected"]) == (
        {"new": 1, "unchanged": 1, "duplicate": 1},
        {"bad_address": 1},
    )
    assert Suppression.objects.count() == 2
    assert consent.is_suppressed("new@example.com")
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("complaint", "all"), ("hard_bounce", "all"), ("manual", "all"), ("unsubscribed", "marketing")],
)
def test_the_reason_of_a_list_decides_what_is_stopped(tmp_path, capsys, reason, expected):
    consent.suppress("known@example.com", "manual", scope="marketing")
    path = tmp_path / "never.csv"
    path.write_text("new@example.com\nknown@example.com\n")
    mapping = tmp_path / "map.yaml"
    mapping.write_text(f"columns: {{email: Column 1}}\nreason: {reason}\n")
    told = run(path, capsys, suppress=True, mapping=str(mapping))
    widened = "unchanged" if expected == "marketing" else "updated"
    assert told["stored"] == {"new": 1, widened: 1}
    assert set(Suppression.objects.values_list("scope", flat=True)) == {expected}


def test_a_list_never_narrows_what_is_stopped(tmp_path, capsys):
    consent.suppress("known@example.com", "complaint")
    path = tmp_path / "never.csv"
    path.write_text("known@example.com\n")
    mapping = tmp_path / "map.yaml"
    mapping.write_text("columns: {email: Column 1}\nreason: unsubscribed\n")
    assert run(path, capsys, suppress=True, mapping=str(mapping))["stored"] == {"unchanged": 1}
    assert Suppression.objects.get().reason == "complaint"
