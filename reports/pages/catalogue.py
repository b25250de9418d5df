"""Which reports there are."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.pages import campaigns, content, deliverability, movement, personalisation, roi
from reports.pages.report import Asked, Report


@dataclass(frozen=True, slots=True)
class Entry:
    """A report in the list: its address, what it answers, and what makes it."""

    name: str
    title: str
    question: str
    icon: str
    make: Callable[[Asked], Report]


ENTRIES = (
    Entry(
        "campaigns",
        "All campaigns",
        "What did mail bring that would not have come without it?",
        "send",
        campaigns.campaigns,
    ),
    Entry("return", "Return on mail", "What came back for what was paid?", "scale", roi.roi),
    Entry(
        "personalisation",
        "What personalisation is worth",
        "What does personal content bring, over all campaigns?",
        "sparkles",
        personalisation.personalisation,
    ),
    Entry(
        "recommendations",
        "Recommendations",
        "Which strategies show what people click and buy?",
        "package",
        content.recommendations,
    ),
    Entry(
        "rules", "Rules", "Which rules decided, and what became of those mails?", "git-branch", content.rules
    ),
    Entry(
        "deliverability",
        "Deliverability",
        "Does mail arrive, by sender and domain?",
        "heartbeat",
        deliverability.deliverability,
    ),
    Entry(
        "cohorts",
        "Repeat purchases",
        "Who orders again, by the month of the first order?",
        "refresh",
        movement.cohorts,
    ),
    Entry("lifecycle", "Lifecycle", "Who moves between stages?", "recycle", movement.lifecycle),
    Entry(
        "growth", "Growth of segments", "Which segments grow and shrink?", "chart-circles", movement.growth
    ),
)
BY_NAME = {entry.name: entry for entry in ENTRIES}
