"""One campaign: what it brought, its funnel, and who did what, by arm and by what readers have in common."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Sum
from django.urls import reverse

from campaigns.models import Campaign
from common.charts import Chart, Series
from common.figures import integer, money
from reports.models import CampaignFigures, DayFigures, PartFigures, ReportSettings
from reports.pages import adding, definitions
from reports.pages.campaigns import PART_COLUMNS, part_cells
from reports.pages.report import MOST_ROWS, Asked, Column, Report, Row, Stat, Table, share
from reports.pages.wording import count, judgement, tone, with_interval
from segments.models import LifecycleStage

_ELIGIBLE = Column("Eligible", about="Everybody whom chance put into this arm, before anything was sent.")
_MAIL_COLUMNS = (
    Column("Arm", "text"),
    _ELIGIBLE,
    Column("Sent", about=definitions.SENT[1]),
    Column("Delivered", "percent", "Share of the mails sent of which no bounce was reported."),
    Column("Opened", "percent", definitions.OPENED[1]),
    Column("Opened by machines", "percent", "Pictures fetched by programs: counted apart, in no rate."),
    Column("Clicked", "percent", definitions.CLICKED[1]),
    Column("Unsubscribed", "percent", definitions.UNSUBSCRIBED[1]),
    Column("Complaints", "percent", definitions.COMPLAINED[1]),
)
_ORDER_COLUMNS = (
    Column("Arm", "text"),
    _ELIGIBLE,
    Column("Attributed orders", "number"),
    Column("Attributed revenue", "money"),
    Column("Ordered in the window", "percent", "Share of all eligible who ordered, whatever led them to it."),
    Column("Revenue per eligible person", "money", "All of their orders in the window, net of refunds."),
)
_DIMENSIONS = (
    (
        "stage",
        "By stage",
        "The stage of the lifecycle that readers were in when their mail was first counted",
    ),
    ("client", "By mail program", "Only mails that a person opened or clicked tell it; rates are of these"),
    ("domain", "By domain", "What stands behind the @ of the address"),
)


def campaign(found: Campaign, asked: Asked) -> Report:
    """The report of one launched campaign; a fixed number of queries."""
    settings, currency = ReportSettings.current(), django_settings.REPORTING_CURRENCY
    figures = CampaignFigures.objects.filter(campaign=found).first()
    by_arm = _by_arm(found)
    arms = figures.arms if figures else []
    keys = {arm["key"] for arm in arms} or set(by_arm)
    every = _added(of for key, of in by_arm.items() if key in keys)
    rest = _added(of for key, of in by_arm.items() if key not in keys)
    is_ours = figures is not None and figures.currency == currency
    eligible = sum(arm["assigned"] for arm in arms if arm["role"] != "no_mail")
    return Report(
        title=found.name,
        headline=_headline(figures, every["revenue_minor"], currency),
        tone=_tone(figures),
        as_of=figures.counted_at if figures else None,
        has_period=False,
        stats=_stats(every, eligible, currency),
        charts=[*_funnel(every, eligible), *_days(found)],
        tables=[
            *_arms(arms, by_arm, rest, currency if is_ours else None),
            *_segments(figures, currency),
            *_parts(found, currency, is_file=asked.is_file),
        ],
        sentences=_personal(figures),
        notes=_notes(figures, currency, rest["sent"]),
        definitions=[
            definitions.MAIL_WORTH,
            definitions.PERSONAL_WORTH,
            definitions.attributed(settings),
            definitions.OPENED,
            definitions.CLICKED,
            definitions.SPREAD,
        ],
        links=[
            ("Campaign", reverse("campaigns:detail", args=[found.key])),
            ("Experiment", reverse("reports:experiment", args=[found.experiment.key])),
            ("Costs", reverse("reports:costs", args=[found.key])),
        ],
        empty="" if figures else "This campaign is being counted; look again in a minute.",
    )


def _headline(figures: CampaignFigures | None, attributed_minor: int, currency: str) -> str:
    if figures is None:
        return ""
    beside = f"Attributed revenue came to {money(attributed_minor, currency)}, which is not proof of cause."
    worth, variance = figures.mail_worth_minor, figures.mail_worth_variance
    if worth is None or variance is None:
        return f"Nobody was held out from this mail, so what it brought in addition is not known. {beside}"
    doubt = f" It is early: {figures.mail_doubt}." if figures.mail_doubt else judgement(worth, variance)
    so_far = "" if _is_over(figures) else " so far"
    return (
        f"This mail brought {with_interval(worth, variance, figures.currency)} of revenue{so_far} that would not have "
        f"come without it.{doubt} {beside}"
    )


def _tone(figures: CampaignFigures | None) -> str:
    if figures is None or figures.mail_worth_minor is None or figures.mail_doubt or not _is_over(figures):
        return "info"
    return tone(figures.mail_worth_minor, figures.mail_worth_variance or 0.0)


def _is_over(figures: CampaignFigures) -> bool:
    return figures.window_closes_at is not None and figures.counted_at >= figures.window_closes_at


def _personal(figures: CampaignFigures | None) -> list[str]:
    """What part of it personalisation brought, where there is a baseline."""
    if figures is None or figures.personal_worth_minor is None or figures.personal_worth_variance is None:
        return []
    worth, variance = figures.personal_worth_minor, figures.personal_worth_variance
    doubt = (
        f" It is early: {figures.personal_doubt}." if figures.personal_doubt else judgement(worth, variance)
    )
    return [
        f"Of it personalisation was worth {with_interval(worth, variance, figures.currency)}, measured against those "
        f"who got the same campaign without it.{doubt}"
    ]


def _notes(figures: CampaignFigures | None, currency: str, waited: int) -> list[str]:
    if figures is None:
        return []
    notes = []
    if waited:
        notes.append(
            f"{count(waited, 'mail')} went to those who waited for the winner. They have a row of their own, and are "
            "not in the figures above, which are of the arms that are compared. The tables by segment, stage, mail "
            "program and domain are of every mail that was sent, theirs among them."
        )
    if not _is_over(figures):
        notes.append("The window in which orders count is still open: figures will grow.")
    if figures.currency != currency:
        notes.append(
            f"Most orders of this campaign are in {figures.currency}: incremental revenue is of those."
        )
    return notes


def _by_arm(found: Campaign) -> dict[str, dict[str, int]]:
    return adding.grouped(DayFigures.objects.filter(dispatch=found.dispatch_id), "variant_key")


def _arms(
    arms: Sequence[dict[str, Any]],
    by_arm: dict[str, dict[str, int]],
    rest: dict[str, int],
    currency: str | None,
) -> list[Table]:
    """What became of each arm's mails, and what its people ordered; None as `currency` if it is not the reports'."""
    mails, orders = [], []
    for arm in arms:
        of = by_arm.get(arm["key"], adding.nothing())
        is_mailed = arm["role"] != "no_mail"
        head, assigned = [arm["name"], arm["assigned"]], arm["assigned"]
        mails.append(Row([*head, *(_mailed(of) if is_mailed else [None] * (len(_MAIL_COLUMNS) - 2))]))
        bought = [
            share(arm["converters"], assigned),
            share(arm["revenue_minor"], assigned) if currency else None,
        ]
        orders.append(Row([*head, *(_attributed(of) if is_mailed else [None, None]), *bought]))
    if rest["sent"]:
        head = ["Waited for the winner", None]
        mails.append(Row([*head, *_mailed(rest)]))
        orders.append(Row([*head, *_attributed(rest), None, None]))
    money_in = currency or django_settings.REPORTING_CURRENCY
    return [
        Table(title="Mails by arm", columns=_MAIL_COLUMNS, rows=mails, currency=money_in),
        Table(title="Orders by arm", columns=_ORDER_COLUMNS, rows=orders, currency=money_in),
    ]


def _mailed(of: dict[str, int]) -> list[Any]:
    delivered = of["delivered"]
    return [
        of["sent"],
        share(delivered, of["sent"]),
        share(of["opened"], delivered),
        share(of["machine_opened"], delivered),
        share(of["clicked"], delivered),
        share(of["unsubscribed"], delivered),
        share(of["complained"], delivered),
    ]


def _attributed(of: dict[str, int]) -> list[Any]:
    return [adding.orders(of["order_parts"]), of["revenue_minor"]]


def _added(arms: Iterable[dict[str, int]]) -> dict[str, int]:
    every = list(arms)
    return {name: sum(of[name] for of in every) for name in adding.DAY_SUMS}


def _stats(every: dict[str, int], eligible: int, currency: str) -> list[Stat]:
    rate = share(every["clicked"], every["delivered"])
    return [
        Stat("Eligible", integer(eligible), "In the arms that get mail"),
        Stat("Delivered", integer(every["delivered"]), f"Of {every['sent']:,} sent"),
        Stat(
            "Clicked",
            "–" if rate is None else f"{rate * 100:.1f} %",
            f"{every['clicked']:,} mails, by people",
        ),
        Stat(
            "Attributed revenue",
            money(every["revenue_minor"], currency),
            "Net of refunds; not proof of cause",
        ),
    ]


def _funnel(every: dict[str, int], eligible: int) -> list[Chart]:
    steps = [
        ("Eligible", float(eligible)),
        ("Sent", float(every["sent"])),
        ("Delivered", float(every["delivered"])),
        ("Clicked", float(every["clicked"])),
        ("Ordered (attributed)", float(round(adding.orders(every["order_parts"])))),
    ]
    series = Series(name="People", values=[value for _, value in steps])
    return [
        Chart(
            title="From eligible to ordered",
            kind="bar",
            categories=[name for name, _ in steps],
            category_label="Step",
            series=[series],
        )
    ]


def _days(found: Campaign) -> list[Chart]:
    """Reactions by day, for the first four weeks."""
    rows: Any = DayFigures.objects.filter(dispatch=found.dispatch_id).values("day").order_by("day")
    days = list(rows.annotate(clicks=Sum("clicked"), parts=Sum("order_parts"))[:28])
    if len(days) < 2:
        return []
    return [
        Chart(
            title="Clicks and attributed orders by day",
            kind="line",
            categories=[f"{row['day']:%-d %b}" for row in days],
            category_label="Day",
            series=[
                Series(name="Clicked", values=[float(row["clicks"]) for row in days]),
                Series(name="Orders", values=[round(adding.orders(row["parts"]), 1) for row in days]),
            ],
        )
    ]


def _segments(figures: CampaignFigures | None, currency: str) -> list[Table]:
    if figures is None or not figures.segments:
        return []
    return [
        Table(
            title="By segment",
            subtitle="Segments that readers were in when this was counted; who is in several counts in each",
            columns=(Column("Segment", "text"), *PART_COLUMNS),
            rows=[
                Row([one["name"], *part_cells(one)], reverse("segments:detail", args=[one["key"]]))
                for one in figures.segments
            ],
            currency=currency,
        )
    ]


def _parts(found: Campaign, currency: str, *, is_file: bool) -> list[Table]:
    """The tables by stage, mail program and domain, the largest first; four queries."""
    names = [name for name in adding.DAY_SUMS if name != "machine_opened"]
    stages: dict[str, str] = dict(LifecycleStage.objects.values_list("key", "name"))
    tables = []
    for dimension, title, subtitle in _DIMENSIONS:
        of_dimension = PartFigures.objects.filter(dispatch=found.dispatch_id, dimension=dimension)
        called = stages if dimension == PartFigures.Dimension.STAGE else {}
        sums = adding.grouped(of_dimension, "key", names, most=None if is_file else MOST_ROWS)
        tables.append(
            Table(
                title=title,
                subtitle=subtitle,
                columns=(Column(title.removeprefix("By ").capitalize(), "text"), *PART_COLUMNS),
                rows=[
                    Row([called.get(key, key) or "Not known", *part_cells(of)]) for key, of in sums.items()
                ],
                currency=currency,
            )
        )
    return tables
