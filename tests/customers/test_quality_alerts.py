"""Alerts: one for one cause, told once, gone when the cause is."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import Q

from accounts.models import Role, User
from common.clock import now
from customers.models import Alert, Customer, CustomerFacts, DataSource, SyncRun
from customers.quality.alerts import (
    mail_alerts,
    mark_seen,
    open_alerts,
    raise_alert,
    recipients,
    refresh_source_alerts,
    resolve,
    unseen_count,
    want_mail,
    wants_mail,
)
from customers.quality.health import all_sources
from customers.tasks import check_facts, watch_data_health

pytestmark = pytest.mark.django_db
DANGER = Alert.Severity.DANGER


def fail(source: str = "shop", error: str = "503") -> None:
    SyncRun.objects.create(source=source, status="failed", started_at=now(), error=error)


def succeed(source: str = "shop") -> None:
    SyncRun.objects.create(source=source, status="succeeded", started_at=now())


def refresh() -> int:
    return refresh_source_alerts(all_sources())


def test_a_source_that_keeps_failing_raises_one_alert_with_its_latest_word() -> None:
    assert (fail(), refresh()) == (None, 1)
    assert (fail(error="504"), refresh()) == (None, 0)
    alert = Alert.objects.get()
    assert (alert.title, alert.body) == ("shop cannot be read", "The last run failed: 504")


def test_an_alert_goes_when_its_cause_is_gone_and_comes_again_as_a_new_one() -> None:
    fail()
    refresh()
    succeed()
    refresh()
    assert Alert.objects.get().resolved_at is not None
    fail()
    assert refresh() == 1
    assert (Alert.objects.count(), open_alerts().count()) == (2, 1)


def test_late_and_failing_are_two_causes() -> None:
    DataSource.objects.create(name="shop", due_every=timedelta(minutes=15))
    SyncRun.objects.create(source="shop", status="succeeded", started_at=now() - timedelta(days=3))
    fail()
    refresh()
    assert sorted(open_alerts().values_list("key", flat=True)) == ["source:shop:failed", "source:shop:late"]


def test_a_source_that_is_not_watched_raises_none() -> None:
    DataSource.objects.create(name="shop", is_watched=False)
    fail()
    assert (refresh(), Alert.objects.count()) == (0, 0)


def test_what_is_only_worth_a_look_raises_none() -> None:
    found = [{"level": "warn", "about": "rows", "sentence": "x"}]
    SyncRun.objects.create(
        source="shop", status="succeeded", started_at=now(), rows_in=1, inserted=1, findings=found
    )
    assert refresh() == 0


def test_alerts_about_other_things_are_left_alone() -> None:
    raise_alert("facts", severity=DANGER, title="Facts drift")
    refresh()
    assert open_alerts().count() == 1
    assert resolve(Q(key="facts")) == 1


def test_the_database_allows_one_open_alert_for_one_cause() -> None:
    Alert.objects.create(key="a", severity=DANGER, title="first")
    made = Alert.objects.bulk_create([Alert(key="a", severity=DANGER, title="second")], ignore_conflicts=True)
    assert [alert.title for alert in Alert.objects.all()] == ["first"]
    assert made


def test_each_user_has_seen_or_not_seen_for_themselves() -> None:
    ann, bob = (User.objects.create_user(f"{name}@example.com") for name in ("ann", "bob"))
    raise_alert("a", severity=DANGER, title="A")
    assert (mark_seen(ann), mark_seen(ann)) == (1, 0)
    assert (unseen_count(ann), unseen_count(bob)) == (0, 1)


def test_administrators_are_mailed_unless_they_said_no_and_others_if_they_said_yes() -> None:
    users = {
        name: User.objects.create_user(f"{name}@example.com", role=role)
        for name, role in (
            ("boss", Role.ADMIN),
            ("quiet", Role.ADMIN),
            ("keen", Role.MARKETER),
            ("other", Role.MARKETER),
            ("gone", Role.ADMIN),
        )
    }
    User.objects.filter(pk=users["gone"].pk).update(is_active=False)
    want_mail(users["quiet"], is_wanted=False)
    want_mail(users["keen"], is_wanted=True)
    assert recipients() == ["boss@example.com", "keen@example.com"]
    assert [wants_mail(users[name]) for name in ("boss", "quiet", "keen", "other")] == [
        True,
        False,
        True,
        False,
    ]


def test_new_alerts_are_mailed_once_in_one_mail_to_each() -> None:
    User.objects.create_user("boss@example.com", role=Role.ADMIN)
    fail("shop")
    fail("till")
    watch_data_health()
    watch_data_health()
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["boss@example.com"], "Regards: shop cannot be read and 1 more")
    assert "till cannot be read\nThe last run failed: 503" in sent.body


def test_without_anybody_to_mail_alerts_wait_for_somebody() -> None:
    raise_alert("a", severity=DANGER, title="A")
    assert mail_alerts() == 0
    User.objects.create_user("boss@example.com", role=Role.ADMIN)
    assert mail_alerts() == 1


def test_a_mail_server_that_is_away_gives_the_alerts_back(settings) -> None:
    User.objects.create_user("boss@example.com", role=Role.ADMIN)
    raise_alert("a", severity=DANGER, title="A\nB")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert mail_alerts() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert mail_alerts() == 1
    assert mail.outbox[0].subject == "Regards: A B"


def test_facts_that_drifted_raise_an_alert_until_a_check_finds_none() -> None:
    customer = Customer.objects.create(email="ann@example.com")
    CustomerFacts.objects.create(customer=customer, orders_count=7)
    assert check_facts() == 1
    assert [alert.key for alert in open_alerts()] == ["facts:drift"]
    assert check_facts() == 0
    assert not open_alerts().exists()
