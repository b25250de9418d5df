"""Alerts: one open row for one cause, shown in the app, mailed once, resolved by themselves."""

import logging
from collections.abc import Iterable

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F, Func, Q, QuerySet, Value

from accounts.models import Role, User
from common.clock import now
from customers.models import Alert, AlertSubscription
from customers.quality.health import SourceHealth

logger = logging.getLogger(__name__)
_CAUSES = {
    "failed": "{name} cannot be read",
    "late": "{name} is late",
    "stale": "{name} brings nothing new",
    "volume": "{name} brings an unusual number of rows",
    "rows": "{name} brings too many bad rows",
    "columns": "The columns of {name} are not as expected",
}


def raise_alert(key: str, *, severity: Alert.Severity, title: str, body: str = "") -> bool:
    """Open an alert, or bring an open one of this cause up to date; return whether it is new."""
    with transaction.atomic():
        values = {"severity": severity, "title": title[:200], "body": body}
        if Alert.objects.filter(key=key, resolved_at=None).update(**values):
            return False
        made = Alert.objects.bulk_create([Alert(key=key, **values)], ignore_conflicts=True)
        return bool(made)


def resolve(keys: Q) -> int:
    """Close open alerts because what they were about is good again; return how many."""
    return Alert.objects.filter(keys, resolved_at=None).update(resolved_at=now())


def refresh_source_alerts(sources: Iterable[SourceHealth]) -> int:
    """Open and resolve alerts so that there is one for each red cause of each watched source; return how many new."""
    told: set[str] = set()
    new = 0
    for source in sources:
        for reason in source.reasons:
            key = f"source:{source.name}:{reason.cause}"
            if reason.light != "red" or not source.is_watched or key in told:
                continue
            told.add(key)
            title = _CAUSES.get(reason.cause, "{name} needs a look").format(name=source.name)
            new += raise_alert(key, severity=Alert.Severity.DANGER, title=title, body=reason.sentence)
    resolve(Q(key__startswith="source:") & ~Q(key__in=told))
    return new


def open_alerts() -> QuerySet[Alert]:
    """Alerts whose cause is still there."""
    return Alert.objects.filter(resolved_at=None)


def unseen_count(user: User) -> int:
    """Open alerts that this user has not looked at; one query."""
    return open_alerts().exclude(seen_by__contains=[user.pk]).count()


def mark_seen(user: User) -> int:
    """Note that a user has looked at all open alerts."""
    unseen = open_alerts().exclude(seen_by__contains=[user.pk])
    return unseen.update(seen_by=Func(F("seen_by"), Value(user.pk), function="array_append"))


def wants_mail(user: User) -> bool:
    """Whether alerts are mailed to this user: their own word, or else whether they administrate."""
    said = AlertSubscription.objects.filter(user=user).values_list("is_wanted", flat=True).first()
    return (user.is_superuser or user.role == Role.ADMIN) if said is None else said


def want_mail(user: User, *, is_wanted: bool) -> None:
    """Keep a user's own word on alerts by e-mail."""
    AlertSubscription.objects.update_or_create(user=user, defaults={"is_wanted": is_wanted})


def recipients() -> list[str]:
    """Addresses of active administrators who did not say no, and of whoever said yes."""
    said = dict(AlertSubscription.objects.values_list("user_id", "is_wanted"))
    administrators = Q(is_superuser=True) | Q(role=Role.ADMIN)
    willing = Q(pk__in=[id for id, is_wanted in said.items() if is_wanted])
    unwilling = [id for id, is_wanted in said.items() if not is_wanted]
    users = User.objects.filter(administrators | willing, is_active=True).exclude(pk__in=unwilling)
    return list(users.order_by("email").values_list("email", flat=True))


def mail_alerts() -> int:
    """Mail the open alerts that were not mailed yet, all in one mail to each recipient; return how many alerts.

    They are claimed before: two workers do not mail twice. A mail server that refuses gives them back for next time.
    """
    addresses = recipients()
    claimed = [
        alert
        for alert in open_alerts().filter(mailed_at=None).order_by("pk")
        if addresses and Alert.objects.filter(pk=alert.pk, mailed_at=None).update(mailed_at=now())
    ]
    if not claimed:
        return 0
    try:
        with get_connection() as mailer:
            mailer.send_messages([_mail(claimed, address) for address in addresses])
    except OSError:
        Alert.objects.filter(pk__in=[alert.pk for alert in claimed]).update(mailed_at=None)
        logger.exception("Alerts could not be mailed; the next round tries again")
        return 0
    return len(claimed)


def _mail(alerts: list[Alert], address: str) -> EmailMessage:
    first = alerts[0].title.replace("\n", " ")
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    parts = [f"{alert.title}\n{alert.body}" for alert in alerts]
    link = f"{settings.BASE_URL}/data/"
    return EmailMessage(
        subject=f"Regards: {first}{more}",
        body="\n\n".join([*parts, f"How the data is: {link}"]),
        to=[address],
    )
