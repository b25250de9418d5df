"""The pages of data health: how the data is, quarantine, alerts, comparisons."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings
from pytest_django.asserts import assertInHTML

from accounts.models import Role, User
from customers.models import Alert, Order, QuarantinedRow, Reconciliation, SyncRun
from customers.quality import views
from customers.quality.alerts import raise_alert
from customers.quality.figures import tell_field_uses
from customers.tasks import reconcile as reconcile_task
from tests.customers.reading import line, promising, read

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
PROMISE = {"column": "country", "format": "country", "level": "error"}


@pytest.fixture
def viewer(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


@pytest.fixture
def editor(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("edit@example.com", role=Role.MARKETER))
    return client


@pytest.fixture
def rejects_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.REJECTS_DIR = tmp_path / "rejects"
    settings.REJECTS_DIR.mkdir()
    return settings.REJECTS_DIR


@pytest.fixture
def refused(db: None, tmp_path: Path) -> QuarantinedRow:
    """One row of a country that is none, waiting."""
    read([line(1), line(2, country="Eire")], promising(PROMISE), folder=tmp_path)
    return QuarantinedRow.objects.get()


def queries(client: Client, url: str) -> int:
    client.get(url)  # what is counted once is counted now
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def run(**values: object) -> SyncRun:
    return SyncRun.objects.create(**{"source": "shop", "status": "succeeded", "started_at": AT, **values})


def test_the_books_of_a_run_show_how_every_row_ended(viewer: Client) -> None:
    run(rows_in=100, inserted=90, duplicates=4, rejected={"no_customer": 5, "bad_email": 1})
    html = viewer.get("/data/").content.decode()
    assert all(text in html for text in ("Adds up", "5 × no customer", "1 × bad email"))


def test_books_that_do_not_add_up_say_so(viewer: Client) -> None:
    run(rows_in=100, inserted=90)
    assert "Does not add up" in viewer.get("/data/").content.decode()


def test_without_runs_the_page_names_the_command_that_imports(viewer: Client) -> None:
    assert "manage.py import_events" in viewer.get("/data/").content.decode()


@pytest.mark.parametrize(
    ("page", "step", "where"),
    [
        ("customers:alerts", "See how the sources are", "/data/"),
        ("customers:quarantine", "Back to data health", "/data/"),
        ("customers:data", "Import a list", "/customers/import/"),
        ("customers:list", "Import a list", "/customers/import/"),
    ],
)
def test_an_empty_page_leads_an_editor_on(editor: Client, page: str, step: str, where: str) -> None:
    assertInHTML(
        f'<a class="btn btn-primary" href="{where}">{step}</a>', editor.get(reverse(page)).content.decode()
    )


def test_an_empty_page_leads_a_viewer_nowhere_closed(viewer: Client) -> None:
    for page in ("customers:data", "customers:list"):
        assert "/customers/import/" not in viewer.get(reverse(page)).content.decode()


def test_the_figure_of_the_quarantine_leads_to_it_for_an_editor_only(editor: Client, viewer: Client) -> None:
    run()
    link = '<a href="/data/quarantine/" aria-label="In quarantine: 0">'
    assert [link in one.get("/data/").content.decode() for one in (editor, viewer)] == [True, False]


def test_the_data_page_takes_as_many_queries_for_twenty_runs_as_for_one(viewer: Client) -> None:
    run()
    few = queries(viewer, "/data/")
    for number in range(25):
        run(source=f"s{number}")
    assert queries(viewer, "/data/") == few


def test_an_editor_may_take_the_refused_rows_away(editor: Client, rejects_dir: Path) -> None:
    file = rejects_dir / "shop.csv"
    file.write_text("row,reason\n1,no_customer\n")
    made = run(rejects_path=str(file))
    response = editor.get(reverse("customers:rejects", args=[made.pk]))
    assert b"".join(response.streaming_content) == file.read_bytes()
    assert response["Content-Disposition"] == 'attachment; filename="shop.csv"'


def test_a_viewer_may_not_and_sees_no_link(viewer: Client, rejects_dir: Path) -> None:
    (rejects_dir / "shop.csv").write_text("row,reason\n")
    made = run(rejects_path="shop.csv")
    url = reverse("customers:rejects", args=[made.pk])
    assert viewer.get(url).status_code == 403
    assert url not in viewer.get("/data/").content.decode()


@pytest.mark.parametrize("path", ["../secret.csv", "{outside}", "link.csv", "missing.csv", ".", ""])
def test_nothing_outside_the_folder_is_handed_out(editor: Client, rejects_dir: Path, path: str) -> None:
    outside = rejects_dir.parent / "secret.csv"
    outside.write_text("secret")
    (rejects_dir / "link.csv").symlink_to(outside)
    made = run(rejects_path=path.format(outside=outside))
    assert editor.get(reverse("customers:rejects", args=[made.pk])).status_code == 404


def test_the_page_says_how_each_source_is_the_worst_first(viewer: Client) -> None:
    run(rows_in=5, inserted=5)
    run(source="till", status="failed", error="The till is <off>.")
    html = viewer.get("/data/").content.decode()
    assert "1 of 2 sources is bad." in html
    assert "The last run failed: The till is &lt;off&gt;." in html
    assert html.index(">till</th>") < html.index(">shop</th>")


def test_fields_that_campaigns_use_are_listed_with_how_often_they_are_empty(viewer: Client) -> None:
    read([line(1)], promising(consent={"purpose": "marketing_email", "proof": "they agreed on paper"}))
    tell_field_uses("campaign", [(1, "Spring", ["first_name"])])
    html = viewer.get("/data/").content.decode()
    assert all(text in html for text in ("first_name", "100.0 %", "Often empty", "Spring"))


def test_viewers_see_counts_but_not_the_rows_and_change_nothing(
    viewer: Client, refused: QuarantinedRow
) -> None:
    assert "1 row waits in quarantine." in viewer.get("/data/").content.decode()
    posts = ("quarantine_retry", "quarantine_dismiss", "reconcile")
    assert [viewer.post(reverse(f"customers:{name}"), {"source": "shop"}).status_code for name in posts] == [
        403
    ] * 3
    assert viewer.get(reverse("customers:quarantine")).status_code == 403
    assert viewer.get(reverse("customers:quarantined_row", args=[refused.pk])).status_code == 403
    refused.refresh_from_db()
    assert (refused.state, Reconciliation.objects.count()) == ("waiting", 0)


def test_a_row_is_mended_in_its_form_and_leaves_the_quarantine(
    editor: Client, refused: QuarantinedRow
) -> None:
    url = reverse("customers:quarantined_row", args=[refused.pk])
    html = editor.get(url).content.decode()
    assert "country is not a country code" in html
    cells = {f"cell{position}": cell for position, cell in enumerate(line(2, country="IE"))}
    page = editor.post(url, cells, follow=True)
    assert "Mended: the row is stored now." in page.content.decode()
    assert Order.objects.count() == 2
    refused.refresh_from_db()
    assert (refused.state, refused.settled_by.email) == ("mended", "edit@example.com")


def test_a_row_that_is_still_wrong_says_so_and_keeps_what_was_entered(
    editor: Client, refused: QuarantinedRow
) -> None:
    url = reverse("customers:quarantined_row", args=[refused.pk])
    cells = {f"cell{position}": cell for position, cell in enumerate(line(2, country="IE", at="never"))}
    html = editor.post(url, cells).content.decode()
    assert all(text in html for text in ("Still refused: bad time.", 'value="never"'))
    assert Order.objects.count() == 1


def test_a_cell_that_is_too_long_or_holds_nul_is_refused_in_the_form(
    editor: Client, refused: QuarantinedRow
) -> None:
    url = reverse("customers:quarantined_row", args=[refused.pk])
    for cell in ("x" * 10_001, "a\0b"):
        assert editor.post(url, {"cell6": cell}).context["form"].errors
    refused.refresh_from_db()
    assert refused.cells["country"] == "Eire"


def test_all_of_a_reason_are_retried_or_dismissed(editor: Client, refused: QuarantinedRow) -> None:
    group = {"source": "shop", "reason": refused.reason}
    page = editor.post(reverse("customers:quarantine_retry"), group, follow=True)
    assert "0 rows are stored now, 1 wait on." in page.content.decode()
    page = editor.post(reverse("customers:quarantine_dismiss"), group, follow=True)
    assert "Dismissed: 1 row." in page.content.decode()
    assert "Nothing waits in quarantine" in page.content.decode()


def test_many_rows_are_retried_by_a_worker(
    editor: Client, refused: QuarantinedRow, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    monkeypatch.setattr(views, "RETRIED_HERE", 0)
    rung = []
    monkeypatch.setattr("customers.tasks.retry_quarantine.delay", lambda *args: rung.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        editor.post(reverse("customers:quarantine_retry"), {"source": "shop", "reason": refused.reason})
    assert [args[:2] for args in rung] == [("shop", refused.reason)]


def test_a_settled_row_cannot_be_changed(editor: Client, refused: QuarantinedRow) -> None:
    QuarantinedRow.objects.update(state="dismissed")
    url = reverse("customers:quarantined_row", args=[refused.pk])
    html = editor.post(url, {"cell0": "9"}).content.decode()
    refused.refresh_from_db()
    assert ("Dismissed" in html, refused.cells["id"]) == (True, "2")


def test_the_quarantine_takes_as_many_queries_for_fifty_rows_as_for_one(
    editor: Client, refused: QuarantinedRow, tmp_path: Path
) -> None:
    few = queries(editor, reverse("customers:quarantine"))
    read([line(number, country="Eire") for number in range(3, 70)], promising(PROMISE), folder=tmp_path)
    assert queries(editor, reverse("customers:quarantine")) == few


@pytest.mark.parametrize("query", ["?source=%00&reason=%00", "?cursor=before:x", "?source=" + "x" * 500])
def test_odd_addresses_of_the_quarantine_are_answered(editor: Client, query: str) -> None:
    assert editor.get(reverse("customers:quarantine") + query).status_code == 200


def test_a_comparison_is_asked_for_and_its_result_shown(editor: Client, refused: QuarantinedRow) -> None:
    page = editor.post(reverse("customers:reconcile"), {"source": "shop"}, follow=True)
    assert "The source is being read again" in page.content.decode()
    asked = Reconciliation.objects.get()
    assert (asked.source, asked.requested_by.email) == ("shop", "edit@example.com")
    reconcile_task(asked.pk)
    html = editor.get(reverse("customers:reconciliation", args=[asked.pk])).content.decode()
    assert "manage.py reconcile shop FILE" in html


def test_the_bell_counts_what_the_user_has_not_seen(viewer: Client) -> None:
    raise_alert("a", severity=Alert.Severity.DANGER, title="The shop is <away>", body="since noon")
    html = viewer.get(reverse("customers:alerts")).content.decode()
    assert all(text in html for text in ("The shop is &lt;away&gt;", "since noon", "not looked at yet"))
    viewer.post(reverse("customers:alerts_seen"))
    html = viewer.get("/customers/").content.decode()
    assert "not looked at yet" not in html


def test_past_alerts_are_shown_when_asked_for(viewer: Client) -> None:
    Alert.objects.create(key="a", severity="danger", title="Long ago", resolved_at=AT)
    assert "Nothing to worry about" in viewer.get(reverse("customers:alerts")).content.decode()
    assert "Long ago" in viewer.get(reverse("customers:alerts") + "?all").content.decode()


def test_a_user_says_whether_alerts_are_mailed(viewer: Client) -> None:
    page = viewer.post(reverse("customers:alerts_mail"), {"wanted": "yes"}, follow=True)
    assert "also mailed to view@example.com" in page.content.decode()
    page = viewer.post(
        reverse("customers:alerts_mail"), {"wanted": "no", "next": "https://evil.example/"}, follow=True
    )
    assert "Alerts are not mailed to you." in page.content.decode()
