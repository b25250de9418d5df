"""A colleague brings the file of an experiment that ran elsewhere, confirms its columns, and reads the result."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Role, User
from common.clock import now
from experiments.importing import uploads
from experiments.models import Experiment, ImportedOutcomes

pytestmark = pytest.mark.django_db
HEADER = "email,segment,history,visit,spend\n"
ROWS = [
    f"c{n}@example.com,{'No E-Mail' if n % 2 else 'Mens E-Mail'},{n % 7},{int(n % (9 if n % 2 else 5) == 1)},"
    f"{30.5 if n % (9 if n % 2 else 5) == 1 else 0}\n"
    for n in range(4_000)
]
SAID = {
    "name": "Spring mailing",
    "control": "1:No E-Mail",
    "control_gets_no_mail": "on",
    "primary": "4",
    "currency": "usd",
    "split": "equal",
    "ended_on": "2026-03-31",
    "window_days": "14",
    "alpha": "0.05",
    "hypothesis": "Men like it",
    "column_2": "before",
    "column_3": "rate",
    "column_4": "money",
}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> Path:
    settings.IMPORTS_DIR = tmp_path
    return tmp_path


@pytest.fixture
def editor(client: Client) -> Client:
    client.force_login(User.objects.create_user("ed@example.com", role=Role.MARKETER, name="Ed"))
    return client


def brought(client: Client, text: str = HEADER + "".join(ROWS)) -> str:
    """The address of the columns' page of an uploaded file."""
    file = SimpleUploadedFile("spring_mailing.csv", text.encode())
    answer = client.post("/experiments/import/", {"file": file})
    assert answer.status_code == 302
    return str(answer["Location"])


def test_columns_are_guessed_by_name_and_content(editor: Client) -> None:
    form = editor.get(brought(editor)).context["form"]
    assert [form[f"column_{place}"].initial for place in range(5)] == ["", "", "before", "rate", "money"]
    assert form.initial["control"] == "1:No E-Mail"
    assert form.initial["control_gets_no_mail"] is True
    assert (form.initial["primary"], form.initial["name"]) == ("4", "Spring mailing")


def test_what_is_confirmed_becomes_a_finished_experiment_and_the_file_goes(
    editor: Client, folder: Path
) -> None:
    answer = editor.post(brought(editor), SAID)
    assert answer["Location"] == "/experiments/imported/spring-mailing/"
    experiment = Experiment.objects.get(key="spring-mailing")
    assert [(one.name, one.role, one.weight) for one in experiment.variants.all()] == [
        ("No E-Mail", "no_mail", 5_000),
        ("Mens E-Mail", "treatment", 5_000),
    ]
    assert experiment.decided_at == datetime(2026, 3, 31, tzinfo=UTC)
    assert (experiment.decided_variant, experiment.primary_metric) == ("mens-e-mail", "revenue")
    assert experiment.imported.imported_by.email == "ed@example.com"
    assert list(folder.iterdir()) == []


def test_the_page_says_the_verdict_and_every_figure(editor: Client) -> None:
    editor.post(brought(editor), SAID)
    page = editor.get("/experiments/imported/spring-mailing/").content.decode()
    for words in (
        "Mens E-Mail does better than No E-Mail.",
        "Mens E-Mail instead of No E-Mail was worth +$",
        "20.00%",
        "$6.100",
        "(control)",
        "less variance",
        "Men like it",
        "From spring_mailing.csv",
    ):
        assert words in page


def test_it_stands_among_the_finished_experiments_with_its_verdict(editor: Client) -> None:
    editor.post(brought(editor), SAID)
    editor.post("/experiments/spring-mailing/learnings/", {"learnings": "Men open mail."})
    page = editor.get("/experiments/?shelf=finished&q=open+mail").content.decode()
    assert "Mens E-Mail does better than No E-Mail." in page
    assert "<td>spend</td>" in page
    assert editor.get("/experiments/spring-mailing/")["Location"] == "/experiments/imported/spring-mailing/"


def test_the_figures_can_be_taken_away_unrounded(editor: Client) -> None:
    editor.post(brought(editor), SAID)
    answer = editor.get("/experiments/imported/spring-mailing/figures.csv")
    rows = list(csv.DictReader(answer.content.decode().splitlines()))
    assert [(row["metric"], row["arm"]) for row in rows] == [
        ("visit", "Mens E-Mail"),
        ("spend", "Mens E-Mail"),
    ]
    assert (float(rows[0]["value"]), rows[0]["customers_against"]) == (0.2, "2000")
    assert float(rows[0]["low"]) < float(rows[0]["difference"]) < float(rows[0]["high"])
    assert AuditEntry.objects.latest("pk").action == "downloaded a result"


def test_a_file_with_a_bad_row_stores_nothing_and_may_be_mapped_again(editor: Client) -> None:
    address = brought(editor, HEADER + "".join(ROWS) + "x@example.com,No E-Mail,1,1,lots\n")
    answer = editor.post(address, SAID)
    assert answer.status_code == 400
    assert "Row 4,001: “spend” is “lots”, not a number" in answer.content.decode()
    assert Experiment.objects.count() == ImportedOutcomes.objects.count() == 0
    assert editor.post(address, SAID | {"column_4": "", "primary": "3"}).status_code == 302


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"column_3": "", "column_4": ""}, "Say at least one column that measured something."),
        ({"column_3": "before"}, "Only one column can be known before the start, not history and visit."),
        ({"primary": "0"}, "“email” is not measured: say so in the list of columns."),
        ({"column_1": "rate"}, "Column “segment” cannot be two things at once."),
        ({"currency": "$"}, "Say the currency of “spend” in three capital letters, such as EUR."),
        ({"control": "1:Nobody"}, "Select a valid choice."),
        ({"split": "halves"}, "“halves” is no planned share"),
        ({"ended_on": "soon"}, "Enter a valid date."),
        ({"name": "✉"}, "Give it a name with letters or digits."),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(
    editor: Client, changed: dict[str, str], said: str
) -> None:
    answer = editor.post(brought(editor), SAID | changed)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Experiment.objects.exists()


def test_a_name_that_is_taken_overwrites_nothing(editor: Client) -> None:
    editor.post(brought(editor), SAID)
    answer = editor.post(brought(editor), SAID | {"column_3": ""})
    assert "There is an experiment of this name already." in answer.content.decode()
    assert len(ImportedOutcomes.objects.get().metrics) == 2


def test_a_wrong_import_is_deleted_and_one_that_ran_here_is_not(editor: Client) -> None:
    editor.post(brought(editor), SAID)
    Experiment.objects.create(key="ours", name="Ours", salt="x")
    assert editor.post("/experiments/imported/ours/discard/").status_code == 404
    assert editor.post("/experiments/imported/spring-mailing/discard/").status_code == 302
    assert list(Experiment.objects.values_list("key", flat=True)) == ["ours"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"PK\x03\x04rest", "an Excel workbook"), (b"a,b\n", "names of columns, but no rows"), (b"", "empty")],
)
def test_what_is_no_table_is_refused_and_not_kept(
    editor: Client, folder: Path, content: bytes, said: str
) -> None:
    answer = editor.post("/experiments/import/", {"file": SimpleUploadedFile("x.csv", content)})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert list(folder.iterdir()) == []


def test_a_table_without_arms_has_no_control_to_choose(editor: Client) -> None:
    address = brought(editor, "id,spend\n" + "".join(f"{n},{n}.5\n" for n in range(50)))
    assert editor.get(address).status_code == 200
    assert editor.post(address, SAID).status_code == 400


def test_forged_and_forgotten_tokens_lead_back_to_the_upload(editor: Client, folder: Path) -> None:
    address = brought(editor)
    for path in folder.iterdir():
        path.unlink()
    for one in (address, reverse("experiments:import_columns", args=["forged"])):
        assert editor.get(one)["Location"] == "/experiments/import/"


def test_files_that_nobody_confirmed_are_deleted_after_a_day(
    editor: Client, folder: Path, monkeypatch
) -> None:
    brought(editor)
    assert uploads.forget_old() == 0
    monkeypatch.setattr(uploads, "now", lambda: now() + uploads.KEPT * 2)
    assert uploads.forget_old() == 1
    assert list(folder.iterdir()) == []


def test_a_viewer_reads_but_does_not_import(client: Client, editor: Client) -> None:
    editor.post(brought(editor), SAID)
    reader = Client()
    reader.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    assert reader.get("/experiments/imported/spring-mailing/").status_code == 200
    assert reader.get("/experiments/import/").status_code == 403
    assert reader.post("/experiments/imported/spring-mailing/discard/").status_code == 403


def test_imports_and_their_deletion_are_in_the_audit_log(editor: Client) -> None:
    editor.post(brought(editor), SAID)
    pk = str(Experiment.objects.get().pk)
    editor.post("/experiments/imported/spring-mailing/discard/")
    noted = AuditEntry.objects.filter(object_kind="experiments.experiment", object_id=pk).order_by("pk")
    assert [(one.action, str(one.user)) for one in noted] == [
        ("imported an experiment", "Ed"),
        ("deleted an imported experiment", "Ed"),
    ]


def test_an_end_before_there_was_mail_is_refused(editor: Client) -> None:
    answer = editor.post(brought(editor), SAID | {"ended_on": "0001-01-01"})
    assert answer.status_code == 400
    assert "It cannot have ended on 0001-01-01" in answer.content.decode()
    assert not Experiment.objects.exists()


def test_the_admin_names_the_metric_of_the_file(editor: Client, admin_client: Client) -> None:
    editor.post(brought(editor), SAID | {"column_4": "number"})
    page = admin_client.get("/admin/experiments/experiment/").content.decode()
    assert "Revenue per recipient" not in page.split("</table>")[0].split("<tbody")[-1]
    assert "spend" in page
