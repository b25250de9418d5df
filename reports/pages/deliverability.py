"""Whether mail arrives: bounces and complaints by sender and by domain, held against what big providers ask for."""

from typing import Any

from django.conf import settings as django_settings
from django.db.models import Sum

from common.charts import Chart, Series
from common.figures import integer, percent
from reports.models import PartFigures, ReportSettings
from reports.pages import adding, definitions
from reports.pages.report import MOST_ROWS, Asked, Column, Report, Row, Stat, Table, share

GOOD_COMPLAINTS, MOST_COMPLAINTS = 0.001, 0.003
MOST_BOUNCES = 0.02
ENOUGH = 100
"""So few mails say nothing about a rate."""
_SUMS = ("sent", "delivered", "bounced", "complained", "unsubscribed")
_COLUMNS = (
    Column("Sent", about=definitions.SENT[1]),
    Column("Delivered", "percent", "Share of the mails sent of which no bounce was reported."),
    Column("Bounced", "percent", "Share of the mails sent that a server gave back."),
    Column("Complaints", "percent", "Share of the mails delivered that were marked as spam."),
    Column("Unsubscribed", "percent", "Share of the mails delivered."),
    Column("How it is", "text"),
)
_LIMITS = (
    "Limits",
    "Gmail and Yahoo ask senders to keep complaints below 0.1 % and never to reach 0.3 %. Bounces above 2 % tell of "
    "old addresses. Rates of fewer than 100 mails are not judged.",
)
_DAY = (
    "Day",
    "Everything counts on the day its mail was sent (UTC), so that late complaints change that day.",
)


def deliverability(asked: Asked) -> Report:
    """Bounces and complaints of the period; four queries."""
    rows = PartFigures.objects.filter(sent_on__gte=asked.since)
    once = rows.filter(dimension=PartFigures.Dimension.STAGE)  # every mail is in one row of this dimension
    every = adding.sums_of(once, _SUMS)
    settings, currency = ReportSettings.current(), django_settings.REPORTING_CURRENCY
    by_domain = rows.filter(dimension=PartFigures.Dimension.DOMAIN)
    domains = adding.grouped(by_domain, "key", _SUMS, most=None if asked.is_file else MOST_ROWS)
    senders = adding.grouped(once, "dispatch__sender__name", _SUMS)
    first = Column("Sender", "text"), Column("Domain", "text")
    return Report(
        title="Deliverability",
        headline=_headline(every, asked.days),
        tone=_tone(every),
        as_of=settings.refreshed_at,
        stats=[
            Stat("Sent", integer(every["sent"])),
            Stat("Delivered", percent(share(every["delivered"], every["sent"]), 2), "Of those sent"),
            Stat("Bounced", percent(share(every["bounced"], every["sent"]), 2), "Worth a look above 2 %"),
            Stat(
                "Complaints",
                percent(share(every["complained"], every["delivered"]), 3),
                "Keep it below 0.1 %",
            ),
        ],
        charts=_charts(once),
        tables=[
            Table(title="By sender", columns=(first[0], *_COLUMNS), rows=_rows(senders), currency=currency),
            Table(
                title="By domain",
                subtitle="The largest ones" if not asked.is_file else "",
                columns=(first[1], *_COLUMNS),
                rows=_rows(domains),
                currency=currency,
            ),
        ],
        definitions=[_LIMITS, _DAY, definitions.BOUNCED, definitions.COMPLAINED, definitions.PERIOD],
        empty="" if every["sent"] else "No mail was sent in this period.",
    )


def state(of: dict[str, int]) -> str:
    """How a sender or domain is, in a word or two."""
    if of["sent"] < ENOUGH:
        return "Too few to judge"
    complaints, bounces = share(of["complained"], of["delivered"]) or 0.0, of["bounced"] / of["sent"]
    if complaints >= MOST_COMPLAINTS:
        return "Danger: complaints of 0.3 % or more"
    if complaints >= GOOD_COMPLAINTS:
        return "Watch: complaints of 0.1 % or more"
    return "Watch: bounces above 2 %" if bounces > MOST_BOUNCES else "Good"


def _headline(every: dict[str, int], days: int) -> str:
    if not every["sent"]:
        return ""
    complaints = share(every["complained"], every["delivered"])
    judged = state(every)
    start = (
        f"{percent(share(every['delivered'], every['sent']), 1)} of {integer(every['sent'])} mails of the last {days} "
        f"days arrived; {percent(share(every['bounced'], every['sent']), 2)} bounced and {percent(complaints, 3)} were "
        "marked as spam."
    )
    return f"{start} {'This is as it should be.' if judged == 'Good' else f'{judged}.'}"


def _tone(every: dict[str, int]) -> str:
    return {"Good": "success", "Danger": "danger", "Watch": "warning"}.get(
        state(every).partition(":")[0], "info"
    )


def _rows(found: dict[str, dict[str, int]]) -> list[Row]:
    rows = []
    for name, of in found.items():
        cells = [
            name or "Not known",
            of["sent"],
            share(of["delivered"], of["sent"]),
            share(of["bounced"], of["sent"]),
            share(of["complained"], of["delivered"]),
            share(of["unsubscribed"], of["delivered"]),
            state(of),
        ]
        rows.append(Row(cells))
    return rows


def _charts(once: Any) -> list[Chart]:
    days = list(
        once.values("sent_on")
        .annotate(
            total_sent=Sum("sent"),
            total_delivered=Sum("delivered"),
            total_bounced=Sum("bounced"),
            total_complained=Sum("complained"),
        )
        .order_by("sent_on")
    )
    if len(days) < 2:
        return []
    return [
        Chart(
            title="Bounces and complaints by the day of sending",
            kind="line",
            unit="percent",
            categories=[f"{row['sent_on']:%-d %b}" for row in days],
            category_label="Day",
            series=[
                Series(
                    name="Bounced", values=[share(row["total_bounced"], row["total_sent"]) for row in days]
                ),
                Series(
                    name="Complaints",
                    values=[share(row["total_complained"], row["total_delivered"]) for row in days],
                ),
            ],
        )
    ]
