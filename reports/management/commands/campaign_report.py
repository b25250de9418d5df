"""`manage.py campaign_report KEY`: the books and the verdict of a launched campaign."""

import json
from argparse import ArgumentParser
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from campaigns.models import Campaign
from reports.results import Result, result_of
from reports.upkeep import bring_up_to_date


class Command(BaseCommand):
    help = "Print the books and the verdict of a launched campaign."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *, key: str, json: bool, **options: object) -> None:
        campaign = (
            Campaign.objects.select_related("experiment", "segment", "dispatch")
            .exclude(launched_at=None)
            .filter(key=key)
            .first()
        )
        if campaign is None:
            raise CommandError(f"No launched campaign has the key {key!r}.")
        bring_up_to_date()
        result = result_of(campaign)
        self.stdout.write(_as_json(result) if json else _as_text(result))


def _as_json(result: Result) -> str:
    report = asdict(result.report)
    books = {
        "audience": result.accounts.launched.audience,
        "excluded": result.accounts.launched.excluded,
        "arms": {arm.variant.key: {"assigned": arm.assigned, **arm.states} for arm in result.accounts.arms},
        "messages": result.accounts.messages,
        "sent": result.accounts.sent,
        "adds_up": result.accounts.adds_up,
        "is_finished": result.accounts.is_finished,
    }
    attributed = {
        "orders": result.counted.attributed_orders,
        "revenue_minor": result.counted.attributed_minor,
    }
    return json.dumps(
        {"books": books, "attributed": attributed, "verdict": asdict(result.verdict), "report": report},
        default=str,
        indent=2,
    )


def _as_text(result: Result) -> str:
    accounts = result.accounts
    lines = [
        result.campaign.name,
        f"Audience {accounts.launched.audience:,} = "
        + " + ".join(f"{arm.variant.key} {arm.assigned:,}" for arm in accounts.arms)
        + f" + excluded {accounts.excluded:,}",
        f"Messages {accounts.messages:,}, sent {accounts.sent:,}; the books "
        + ("add up." if accounts.adds_up else "DO NOT add up."),
        *result.report.headlines,
        *result.report.warnings,
        result.verdict.sentence,
    ]
    return "\n".join(lines)
