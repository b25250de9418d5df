"""What a campaign would send, as one checksum: who judged it has judged just this, and nothing that came after."""

import hashlib
import json
from typing import Any

from django.db.models import Max

from campaigns.models import Campaign
from campaigns.slots import to_freeze
from segments.models import ListFill, Segment
from segments.nesting import CycleError, built_on

LIFE = frozenset(
    {
        "id",
        "state",
        "dispatch",
        "created_by",
        "created_at",
        "launched_at",
        "data_doubts",
        "launch_at",
        "claimed_at",
        "scheduled_by",
        "held_because",
        "last_due_at",
        "parent",
        "occurrence",
    }
)
"""What a campaign goes through, in contrast to what colleagues plan."""
PLANS = ("tags", "pilot")
"""What is planned in rows of its own."""


def seal_of_contents(campaign: Campaign) -> str:
    """Return the checksum of what its mails are made of, and of who gets which; a fixed number of queries."""
    return _checksum(_contents(campaign))


def seal_of_launch(campaign: Campaign) -> str:
    """Return the checksum of its contents and of everything that is planned about its launch.

    A series moves on from day to day by itself, so the day of its next occurrence does not count.
    """
    plan = {
        field.attname: str(getattr(campaign, field.attname))
        for field in campaign._meta.concrete_fields
        if field.name not in LIFE and not (campaign.is_series and field.name == "send_on")
    }
    plan["experiment"] = str(campaign.experiment.plan())
    for name in PLANS:
        beside = getattr(campaign, name, None)
        plan[name] = str(beside.plan()) if beside is not None else ""
    pilot = getattr(campaign, "pilot", None)
    plan["pilot's segment"] = str(_segment(pilot.segment)) if pilot is not None and pilot.segment else ""
    return _checksum({"contents": _contents(campaign), "plan": plan})


def _contents(campaign: Campaign) -> dict[str, Any]:
    arms = list(campaign.variants.select_related("variant", "template_version").order_by("variant_id"))
    versions, blocks = to_freeze(arms)
    split = campaign.experiment.variants.values_list("key", "role", "weight", "position", "salt")
    return {
        "name": campaign.name,
        "sender": [campaign.sender.from_name, campaign.sender.from_email],
        "segment": _segment(campaign.segment),
        "split": [campaign.experiment.salt, *map(list, split)],
        "arms": [
            [
                arm.variant.key,
                arm.template_version_id,
                arm.strategy,
                arm.is_personalised,
                arm.send_shift_hours,
            ]
            for arm in arms
        ],
        "rules": sorted(version.pk for version in versions),
        "blocks": sorted(block.pk for block in blocks.values()),
    }


def _segment(segment: Segment) -> list[Any]:
    """What describes the segment, and those that it is built on; of lists, which filling was the last."""
    try:
        below = built_on(segment)
    except CycleError:
        below = []
    all_of_them = [*below, segment]
    fills = dict(
        ListFill.objects.filter(segment__in=all_of_them).values_list("segment").annotate(last=Max("pk"))
    )
    return [[one.key, one.kind, one.condition, str(one.as_of), fills.get(one.pk)] for one in all_of_them]


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
