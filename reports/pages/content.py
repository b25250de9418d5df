"""How well what chooses the content does: strategies that recommend products, and rules."""

from typing import Any

from django.conf import settings as django_settings
from django.db.models import Count

from common.charts import Chart, Series
from common.figures import integer, percent
from recommendations.strategies import LABELS
from reports.models import PartFigures, ReportSettings
from reports.pages import adding, definitions
from reports.pages.report import MOST_ROWS, Asked, Column, Report, Row, Stat, Table, share
from reports.pages.wording import count

LEAST_SHOWN = 100
"""A rate of fewer products says little."""
_SUMS = (
    "sent",
    "delivered",
    "clicked",
    "unsubscribed",
    "order_parts",
    "revenue_minor",
    "shown",
    "chosen",
    "bought",
    "bought_minor",
)
_STRATEGY_COLUMNS = (
    Column("Strategy", "text"),
    Column("Mails", about="Mails sent with products of this strategy."),
    Column("Shown", about="Products shown, each once a mail."),
    Column("Clicked", about="Of those, products whose link a person followed."),
    Column("Click rate", "percent", "Clicked of shown."),
    Column(
        "Bought",
        about="Of the products shown, those that the reader bought within the window after the mail.",
    ),
    Column("Bought of shown", "percent"),
    Column("Revenue of these", "money", "What those products brought, before refunds."),
)
_RULE_COLUMNS = (
    Column("Rule", "text"),
    Column("Mails", about="Mails sent about which the rule decided."),
    Column("Clicked", "percent", definitions.CLICKED[1]),
    Column("Unsubscribed", "percent", definitions.UNSUBSCRIBED[1]),
    Column("Orders", "number", "Attributed"),
    Column("Orders of mails", "percent", "Attributed orders for each mail delivered."),
    Column("Revenue", "money", "Attributed, net of refunds"),
)
_NOT_CAUSE = (
    "Comparing",
    "Each strategy and rule met other customers, so that differences here are no proof which is better. An experiment "
    "between them is.",
)


def recommendations(asked: Asked) -> Report:
    """Products shown, clicked and bought by strategy; one query for the table."""
    settings, currency = ReportSettings.current(), django_settings.REPORTING_CURRENCY
    names = dict(LABELS)
    found = _found(asked, PartFigures.Dimension.STRATEGY)
    every = {name: sum(of[name] for _, of in found) for name in _SUMS}
    return Report(
        title="Recommendations",
        headline=_shown_headline(every, found, names, asked.days),
        as_of=settings.refreshed_at,
        stats=[
            Stat("Products shown", integer(every["shown"])),
            Stat("Clicked", percent(share(every["chosen"], every["shown"]), 2), "Of those shown"),
            Stat(
                "Bought",
                percent(share(every["bought"], every["shown"]), 2),
                "Of those shown, within the window",
            ),
        ],
        charts=_bars(
            "Products clicked and bought, of those shown",
            [names.get(key, key) for key, _ in found],
            ("Clicked", [share(of["chosen"], of["shown"]) for _, of in found]),
            ("Bought", [share(of["bought"], of["shown"]) for _, of in found]),
        ),
        tables=[
            Table(
                title="By strategy",
                columns=_STRATEGY_COLUMNS,
                rows=[Row(_strategy_cells(names.get(key, key), of)) for key, of in found],
                currency=currency,
            )
        ],
        definitions=[
            (
                "Bought within the window",
                f"The reader bought the very product within {settings.click_window_days} days after the mail was "
                "sent, whether they clicked it or not: not all of it is owed to the mail.",
            ),
            _NOT_CAUSE,
            definitions.PERIOD,
        ],
        empty="" if found else "No mail of this period showed recommended products.",
    )


def rules(asked: Asked) -> Report:
    """What became of the mails that each rule decided about; two queries."""
    settings, currency = ReportSettings.current(), django_settings.REPORTING_CURRENCY
    found = _found(asked, PartFigures.Dimension.RULE)
    return Report(
        title="Rules",
        headline=_rules_headline(found, _how_many(asked, PartFigures.Dimension.RULE), asked.days),
        as_of=settings.refreshed_at,
        charts=_bars(
            "Mails clicked, by rule",
            [key for key, _ in found],
            ("Clicked", [share(of["clicked"], of["delivered"]) for _, of in found]),
        ),
        tables=[
            Table(
                title="By rule",
                subtitle="The rule set, then the rule; of a mail that several rules decided about, each counts",
                columns=_RULE_COLUMNS,
                rows=[Row(_rule_cells(key, of)) for key, of in found],
                currency=currency,
            )
        ],
        definitions=[
            (
                "Decided",
                "The rule's condition held for the reader, and its actions were taken, when the mail was written.",
            ),
            definitions.attributed(settings),
            _NOT_CAUSE,
            definitions.PERIOD,
        ],
        empty=""
        if found
        else "No rule decided about a mail of this period. Publish a rule set, and launch a campaign.",
    )


def _found(asked: Asked, dimension: PartFigures.Dimension) -> list[tuple[str, dict[str, int]]]:
    rows = PartFigures.objects.filter(dimension=dimension, sent_on__gte=asked.since)
    return list(adding.grouped(rows, "key", _SUMS, most=None if asked.is_file else MOST_ROWS).items())


def _shown_headline(
    every: dict[str, int], found: list[tuple[str, dict[str, int]]], names: dict[str, str], days: int
) -> str:
    if not every["shown"]:
        return ""
    often = [one for one in found if one[1]["shown"] >= LEAST_SHOWN]
    best = max(often, key=lambda one: (share(one[1]["chosen"], one[1]["shown"]) or 0.0, one[0]), default=None)
    text = (
        f"Of {integer(every['shown'])} products shown in the last {days} days "
        f"{percent(share(every['chosen'], every['shown']), 2)} were clicked and "
        f"{percent(share(every['bought'], every['shown']), 2)} bought."
    )
    if best is None:
        return text
    rate = percent(share(best[1]["chosen"], best[1]["shown"]), 2)
    return (
        f"{text} Clicked most of all that were shown {LEAST_SHOWN:,} times or more: {names.get(best[0], best[0])} "
        f"({rate})."
    )


def _how_many(asked: Asked, dimension: PartFigures.Dimension) -> int:
    rows = PartFigures.objects.filter(dimension=dimension, sent_on__gte=asked.since)
    return rows.aggregate(n=Count("key", distinct=True))["n"] or 0


def _rules_headline(found: list[tuple[str, dict[str, int]]], rules: int, days: int) -> str:
    if not found:
        return ""
    key, of = found[0]
    return (
        f"{count(rules, 'rule')} decided about mails of the last {days} days; most often “{key}”: "
        f"{integer(of['sent'])} mails, {percent(share(of['clicked'], of['delivered']), 1)} of those delivered clicked."
    )


def _strategy_cells(name: str, of: dict[str, int]) -> list[Any]:
    chosen, bought = share(of["chosen"], of["shown"]), share(of["bought"], of["shown"])
    return [name, of["sent"], of["shown"], of["chosen"], chosen, of["bought"], bought, of["bought_minor"]]


def _rule_cells(name: str, of: dict[str, int]) -> list[Any]:
    orders = adding.orders(of["order_parts"])
    return [
        name,
        of["sent"],
        share(of["clicked"], of["delivered"]),
        share(of["unsubscribed"], of["delivered"]),
        orders,
        share(orders, of["delivered"]),
        of["revenue_minor"],
    ]


def _bars(title: str, categories: list[str], *series: tuple[str, list[float | None]]) -> list[Chart]:
    if not categories:
        return []
    return [
        Chart(
            title=title,
            kind="bar",
            unit="percent",
            categories=categories[:12],
            category_label="Name",
            series=[Series(name=name, values=values[:12]) for name, values in series],
        )
    ]
