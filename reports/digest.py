"""The weekly digest: what mail brought, the campaigns of the week, and open alerts, to colleagues who want it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from common.clock import now
from common.figures import integer, percent
from customers.models import Alert
from customers.quality.alerts import open_alerts
from delivery import mime
from delivery.backends.base import Outgoing
from delivery.models import Letter, Sender
from reports.models import CampaignFigures, DayFigures, DigestMail, DigestSubscription, ReportSettings
from reports.pages import adding
from reports.pages.campaigns import verdict
from reports.pages.report import share
from reports.pages.wording import count, judgement, with_interval

HOUR = timedelta(hours=8)
WEEK = timedelta(days=7)
MOST = 20
"""Campaigns and alerts that a digest lists; it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Line:
    """A campaign of the week, in a sentence, and where its report is."""

    name: str
    sentence: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What the mail says. Days are those of the workspace's time zone, `until` the last one."""

    since: date
    until: date
    headline: str
    closed: str
    campaigns: list[Line]
    campaigns_count: int
    alerts: list[Alert]
    alerts_count: int
    url: str


def wants(user: User) -> bool:
    """Whether this colleague gets the digest."""
    return DigestSubscription.objects.filter(user=user).exists()


def want(user: User, *, is_wanted: bool) -> None:
    """Turn the digest on or off for a colleague."""
    if is_wanted:
        DigestSubscription.objects.get_or_create(user=user)
    else:
        DigestSubscription.objects.filter(user=user).delete()


def queue_digests() -> int:
    """Queue the newest digest for everybody who wants it and has not got it; returns how many.

    It is due on Monday at 8 where the workspace is, and is about the week before. Whoever asks for it later in the
    week gets it then. A second worker makes no second one.
    """
    sender = Sender.objects.order_by("pk").first()
    if sender is None:
        return 0
    week = newest_week()
    waiting = DigestSubscription.objects.filter(user__is_active=True)
    waiting = waiting.exclude(user__in=DigestMail.objects.filter(week=week).values("user"))
    return sum(_queue(one.user, week, sender) for one in waiting.select_related("user").order_by("pk"))


def newest_week() -> date:
    """The Monday of the week that the newest digest is about."""
    local = now().astimezone(_zone()).replace(tzinfo=None) - HOUR
    return local.date() - timedelta(days=local.weekday()) - WEEK


def write(letter: Letter) -> Outgoing | None:
    """Write the mail of a queued digest; None where its reader no longer wants it."""
    user, sender = letter.user, letter.sender
    if user is None or not user.is_active or not wants(user):
        return None
    told = digest_of(letter.digest.week)
    subject = f"Regards, week of {told.since:%-d %B}: {told.headline}"[:150]
    context = {"digest": told, "to": user}
    raw = mime.build(
        sender=mime.Mailbox(sender.from_email, sender.from_name),
        recipient=mime.Mailbox(user.email, user.name),
        subject=subject,
        html=render_to_string("reports/digest_mail.html", context),
        text=render_to_string("reports/digest_mail.txt", context),
        message_id=f"<digest-{letter.pk}.regards@{sender.domain}>",
        headers={},
        date=letter.asked_at,
    )
    return Outgoing(key=f"digest-{letter.pk}", recipient=user.email, subject=subject, raw=raw)


def digest_of(week: date) -> Digest:
    """Gather what the digest of the week that began on this Monday says; seven queries."""
    zone = _zone()
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (week, week + WEEK))
    launched = CampaignFigures.objects.filter(
        campaign__launched_at__gte=begin, campaign__launched_at__lt=end
    ).order_by("-campaign__launched_at")
    shown = list(launched.select_related("campaign")[:MOST])
    sums = adding.by_dispatch(one.campaign.dispatch_id for one in shown if one.campaign.dispatch_id)
    alerts = open_alerts().order_by("-pk")
    return Digest(
        since=week,
        until=week + timedelta(days=6),
        headline=_headline(week),
        closed=_closed(begin, end),
        campaigns=[_line(one, sums.get(one.campaign.dispatch_id or 0, adding.nothing())) for one in shown],
        campaigns_count=launched.count(),
        alerts=list(alerts[:MOST]),
        alerts_count=alerts.count(),
        url=django_settings.BASE_URL + reverse("reports:index"),
    )


def _queue(user: User, week: date, sender: Sender) -> int:
    try:
        with transaction.atomic():
            letter = Letter.objects.create(kind=Letter.Kind.DIGEST, sender=sender, user=user)
            DigestMail.objects.create(week=week, user=user, letter=letter)
    except IntegrityError:  # another worker has just made it
        return 0
    return 1


def _headline(week: date) -> str:
    """What was sent and what followed it. Days of sums are UTC."""
    of = adding.sums_of(DayFigures.objects.filter(day__gte=week, day__lt=week + WEEK), ["sent", "clicked"])
    return f"{count(of['sent'], 'mail')} sent, {integer(of['clicked'])} clicked"


def _closed(begin: datetime, end: datetime) -> str:
    """What the campaigns whose window closed in the week brought."""
    rows = CampaignFigures.objects.filter(window_closes_at__gte=begin, window_closes_at__lt=end)
    found, currency = adding.total(rows, "mail"), django_settings.REPORTING_CURRENCY
    if not found.campaigns:
        return (
            "No campaign with a holdout that can be judged came to its end, so there is no incremental revenue to tell "
            f"this week.{found.left_out}"
        )
    return (
        f"{count(found.campaigns, 'campaign')} with a holdout came to an end and brought "
        f"{with_interval(found.minor, found.variance, currency)} of revenue that would not have come without "
        f"mail.{judgement(found.minor, found.variance)}{found.left_out}"
    )


def _line(one: CampaignFigures, of: dict[str, int]) -> Line:
    clicked = percent(share(of["clicked"], of["delivered"]), 1)
    sentence = f"{integer(of['sent'])} sent, {clicked} of those delivered clicked"
    if one.mail_worth_minor is not None and one.mail_worth_variance is not None:
        worth = with_interval(one.mail_worth_minor, one.mail_worth_variance, one.currency)
        sentence += f", incremental revenue {worth}. {_sureness(verdict(one, 'mail'))}"
    url = django_settings.BASE_URL + reverse("reports:campaign", args=[one.campaign.key])
    return Line(one.campaign.name, sentence, url)


def _sureness(told: str) -> str:
    return "It is sure" if told == "Yes" else f"Not sure: {told[:1].lower()}{told[1:]}"


def _zone() -> ZoneInfo:
    return ZoneInfo(str(ReportSettings.current().timezone))
