"""What is older than its rule says is forgotten, and nothing else."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from accounts import audit
from accounts.models import AuditEntry
from customers import privacy_requests
from customers import retention as customers_retention
from customers.models import OptIn, PrivacyRequest, QuarantinedRow, SyncRun
from customers.retention import apply_retention, schedule
from delivery import retention
from delivery.models import MailboxMessage, WebhookReceipt

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture(autouse=True)
def rejects(settings: Settings, tmp_path: Path) -> Path:
    settings.REJECTS_DIR = tmp_path
    return tmp_path


def test_every_rule_names_something_and_forgets_nothing_of_nothing() -> None:
    assert apply_retention(NOW) == {rule.name: 0 for rule in schedule()}
    assert all(rule.what and rule.days > 0 for rule in schedule())


def test_files_of_refused_rows_go_after_ninety_days(rejects: Path) -> None:
    for name, days in (("old.csv", 91), ("new.csv", 89)):
        (rejects / name).write_text("row")
        os.utime(rejects / name, (days_ago(days).timestamp(),) * 2)
    assert apply_retention(NOW)["rejects"] == 1
    assert [path.name for path in rejects.iterdir()] == ["new.csv"]


def test_rows_in_quarantine_go_after_ninety_days_and_settled_ones_keep_their_fingerprints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(customers_retention, "BATCH", 2)
    for number, (days, state) in enumerate(
        [(91, "waiting"), (91, "mended"), (92, "dismissed"), (89, "waiting"), (89, "dismissed")]
    ):
        QuarantinedRow.objects.create(
            source="shop",
            number=number,
            reason="bad_time",
            raw=[["a", "b"]],
            fingerprint=bytes([number]) * 16,
            state=state,
            created_at=days_ago(days),
        )
    assert (apply_retention(NOW)["quarantine"], apply_retention(NOW)["quarantine"]) == (3, 0)
    assert list(QuarantinedRow.objects.order_by("number").values_list("number", "state", "raw")) == [
        (1, "mended", []),
        (2, "dismissed", []),
        (3, "waiting", [["a", "b"]]),
        (4, "dismissed", [["a", "b"]]),
    ]


def test_the_age_of_a_row_in_quarantine_is_counted_from_its_last_refusal() -> None:
    for number, days in enumerate((89, 91)):
        QuarantinedRow.objects.create(
            source="shop",
            run=SyncRun.objects.create(source=f"shop {number}", started_at=days_ago(days)),
            number=number,
            reason="bad_time",
            raw=[["a", "b"]],
            fingerprint=bytes([number]) * 16,
            created_at=days_ago(200),
        )
    assert apply_retention(NOW)["quarantine"] == 1
    assert QuarantinedRow.objects.get().number == 0


def test_copies_in_the_mailbox_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for number, days in enumerate((91, 92, 93, 89)):
        MailboxMessage.objects.create(
            key=f"k{number}", recipient="a@b.example", raw=b"", received_at=days_ago(days)
        )
    assert apply_retention(NOW)["mailbox"] == 3
    assert MailboxMessage.objects.get().key == "k3"


def test_reports_lose_their_words_and_stay_counted() -> None:
    receipt = WebhookReceipt.objects.create(
        provider="Mailgun", event_key="e", kind="opened", raw={"to": "a@b.example"}, received_at=days_ago(91)
    )
    assert (apply_retention(NOW)["webhooks"], apply_retention(NOW)["webhooks"]) == (1, 0)
    receipt.refresh_from_db()
    assert receipt.raw == {}


def test_settled_requests_lose_their_names_and_open_ones_do_not() -> None:
    settled, open_one = (
        privacy_requests.log_request(
            "access", source="letter", contact="a@b.example", received_at=days_ago(2000)
        )
        for _ in range(2)
    )
    PrivacyRequest.objects.filter(pk=settled.pk).update(state="done", closed_at=days_ago(1096))
    assert apply_retention(NOW)["privacy_requests"] == 1
    assert dict(PrivacyRequest.objects.values_list("pk", "contact")) == {
        settled.pk: "",
        open_one.pk: "a@b.example",
    }


def test_sign_ups_and_old_lines_of_the_audit_trail_go() -> None:
    OptIn.objects.create(
        email="a@b.example", texts={}, source="form", asked_at=days_ago(31), expires_at=days_ago(24)
    )
    AuditEntry.objects.bulk_create([AuditEntry(action="old", at=days_ago(731))])
    audit.record(None, "new")
    forgotten = apply_retention(NOW)
    assert (forgotten["opt_ins"], forgotten["audit"]) == (1, 1)
    assert AuditEntry.objects.get().action == "new"
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('regards.retention', true)")
        assert cursor.fetchone() == ("off",)
