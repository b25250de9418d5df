"""The import on the web: upload, mapping, check, import, error file."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from customers.importing.people import jobs
from customers.models import Customer, PeopleImport

pytestmark = pytest.mark.django_db
LIST = "E-Mail,Vorname,Land\nann@example.com,Ann,DE\nbob@example.com,Bob,Narnia\n"
START = reverse("customers:imports")


@pytest.fixture(autouse=True)
def folders(settings, tmp_path) -> None:
    settings.REJECTS_DIR, settings.IMPORTS_DIR = tmp_path / "rejects", tmp_path / "imports"


@pytest.fixture
def marketer(client: Client) -> Client:
    client.force_login(User.objects.create_user("mia@example.com", role=Role.MARKETER))
    return client


def bring(client: Client, content: bytes | str = LIST, *, name: str = "spring.csv", kind: str = "people"):
    body = content.encode() if isinstance(content, str) else content
    return client.post(START, {"file": SimpleUploadedFile(name, body), "kind": kind})


def confirmed(**changes: str) -> dict[str, str]:
    columns = {"column_0": "email", "column_1": "first_name", "column_2": "country"}
    whole = {"source": "spring", "dates": "day_first", "existing": "update", "consent": "none", "proof": ""}
    return columns | whole | changes


def test_an_upload_shows_what_the_columns_probably_mean(marketer):
    page = marketer.get(bring(marketer).url)
    assert [(field.label, field.value()) for field, _ in page.context["form"].columns] == [
        ("E-Mail", "email"),
        ("Vorname", "first_name"),
        ("Land", "country"),
    ]
    assert "ann@example.com" in page.content.decode()


def test_a_confirmed_list_is_checked_imported_and_its_file_deleted(marketer, settings):
    address = bring(marketer).url
    job = PeopleImport.objects.get()
    marketer.post(address, confirmed())
    assert jobs.advance(job.pk).state == "checked"
    page = marketer.get(address).content.decode()
    assert "This is what would happen" in page and "Import 1 row<" in page
    assert "There is no such country" in page
    assert not Customer.objects.exists()
    marketer.post(reverse("customers:import_start", args=[job.pk]))
    assert jobs.advance(job.pk).state == "done"
    assert Customer.objects.get().first_name == "Ann"
    assert list(settings.IMPORTS_DIR.iterdir()) == []


def test_the_error_file_is_handed_to_editors_only(marketer):
    job = _done(marketer)
    address = reverse("customers:import_errors", args=[job.pk])
    lines = b"".join(marketer.get(address).streaming_content).decode().splitlines()
    assert lines == ["row,reason,E-Mail,Vorname,Land", "2,unknown_country,bob@example.com,Bob,Narnia"]
    marketer.force_login(User.objects.create_user("vic@example.com", role=Role.VIEWER))
    assert [marketer.get(one).status_code for one in (address, START)] == [403, 403]


def test_a_done_import_cannot_be_started_or_discarded_again(marketer):
    job = _done(marketer)
    for name in ("import_start", "import_discard"):
        marketer.post(reverse(f"customers:{name}", args=[job.pk]))
    marketer.post(reverse("customers:import", args=[job.pk]), confirmed())
    assert PeopleImport.objects.get().state == "done"


def test_consent_without_proof_is_sent_back(marketer):
    address = bring(marketer).url
    page = marketer.post(address, confirmed(consent="all", proof="yes"))
    assert "without proof no consent is recorded" in page.content.decode()
    assert PeopleImport.objects.get().state == "draft"


def test_two_columns_cannot_be_the_same_field(marketer):
    address = bring(marketer).url
    page = marketer.post(address, confirmed(column_1="email"))
    assert "is the e-mail address already" in page.content.decode()


def test_a_discarded_list_leaves_no_file(marketer, settings):
    bring(marketer)
    marketer.post(reverse("customers:import_discard", args=[PeopleImport.objects.get().pk]))
    assert PeopleImport.objects.get().state == "discarded"
    assert list(settings.IMPORTS_DIR.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"email\n", "no rows"),
        (b"email,Email\na@example.com,b@example.com\n", ""),
        (b"mail,mail\na@example.com,b@example.com\n", "both called"),
        (b"\x00\x01\x02" * 100, "not a text file"),
        (b"\x1f\x8bnot gzip", "damaged"),
    ],
    ids=["empty", "excel", "pdf", "header-only", "differing-case", "same-names", "binary", "bad-gzip"],
)
def test_what_is_no_list_is_refused_with_a_sentence(marketer, settings, content, sentence):
    response = bring(marketer, content)
    if not sentence:
        assert response.status_code == 302
        return
    assert sentence in response.content.decode()
    assert not PeopleImport.objects.exists()
    assert not settings.IMPORTS_DIR.exists() or list(settings.IMPORTS_DIR.iterdir()) == []


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(marketer, monkeypatch):
    monkeypatch.setattr(jobs, "MAX_UPLOAD_BYTES", -(1 << 20))
    response = bring(marketer)
    assert (response.status_code, "limit is" in response.content.decode()) == (413, True)


def test_an_upload_needs_its_csrf_token(marketer):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = marketer.cookies
    assert bring(strict).status_code == 403


def test_progress_is_polled_until_the_work_is_over(marketer):
    job = _done(marketer)
    address = reverse("customers:import_progress", args=[job.pk])
    assert marketer.get(address).headers["HX-Refresh"] == "true"
    PeopleImport.objects.update(state="importing", done=10, total=40)
    assert "10 of 40" in marketer.get(address).content.decode()


def test_addresses_never_to_write_to_can_be_brought(marketer):
    address = bring(marketer, "a@example.com\nb@example.com\n", kind="suppression").url
    job = PeopleImport.objects.get()
    marketer.post(address, {"reason": "manual", "column_0": "email"})
    jobs.advance(job.pk)
    assert "New addresses" in marketer.get(address).content.decode()


def _done(client: Client) -> PeopleImport:
    address = bring(client).url
    job = PeopleImport.objects.latest("pk")
    client.post(address, confirmed())
    jobs.advance(job.pk)
    client.post(reverse("customers:import_start", args=[job.pk]))
    return jobs.advance(job.pk)
