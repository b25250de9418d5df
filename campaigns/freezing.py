"""A launch's snapshot: who is in which arm, who is out and why, and when each is due; in set-based statements.

The order is DESIGN's: eligibility is decided without a look at variants, then the variant is assigned and frozen, then
messages are queued. Everybody gets a due time alike, those in an arm without mail too; an arm that tests another time
of sending is due so many hours later.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from campaigns import planning, pressure
from campaigns.models import Campaign, CampaignVariant, ContactCap
from customers.models import Consent
from delivery.models import Dispatch
from experiments.assigning import variant_case_sql
from experiments.models import Variant

_FREEZE = """
WITH audience AS (
    SELECT customer.id AS customer_id, customer.email, customer.public_id, {due_at} AS due_at, {is_past} AS is_past
    FROM segments_segmentmembership member
    JOIN customers_customer customer ON customer.id = member.customer_id
    {places}
    WHERE member.segment_id = %(segment)s
){capped}
INSERT INTO campaigns_recipient (campaign_id, customer_id, variant_key, exclusion, due_at)
SELECT %(campaign)s, customer.customer_id, CASE WHEN judged.exclusion = '' THEN {variant} ELSE '' END,
       judged.exclusion, customer.due_at
FROM audience customer
LEFT JOIN customers_consent consent ON consent.customer_id = customer.customer_id AND consent.purpose = %(purpose)s
LEFT JOIN customers_suppression suppression
    ON suppression.address_hash = sha256(convert_to(%(key)s || ':' || customer.email, 'UTF8'))
{join_capped}
CROSS JOIN LATERAL (SELECT CASE
    WHEN customer.email IS NULL THEN 'no address'
    WHEN consent.is_granted IS NULL THEN 'never consented'
    WHEN NOT consent.is_granted THEN 'consent withdrawn'
    WHEN suppression.reason IS NOT NULL THEN 'suppressed: ' || suppression.reason
    WHEN customer.is_past THEN '{past}'
    {when_capped}
    ELSE '' END AS exclusion) judged
ORDER BY customer.customer_id
"""
_SHIFT = """
UPDATE campaigns_recipient recipient
SET due_at = coalesce(recipient.due_at, %(launched)s) + make_interval(hours => later.hours)
FROM unnest(%(later_arms)s::text[], %(later_hours)s::int[]) AS later (arm, hours)
WHERE recipient.campaign_id = %(campaign)s AND recipient.variant_key = later.arm
"""
_ASSIGN = """
INSERT INTO customers_assignment (customer_id, experiment_key, variant_key, assigned_at)
SELECT customer_id, %(experiment)s, variant_key, statement_timestamp() FROM campaigns_recipient
WHERE campaign_id = %(campaign)s AND variant_key <> '' ORDER BY customer_id
"""
_QUEUE = """
INSERT INTO delivery_message (dispatch_id, customer_id, variant_key, due_at)
SELECT %(dispatch)s, customer_id, variant_key, coalesce(due_at, statement_timestamp()) FROM campaigns_recipient
WHERE campaign_id = %(campaign)s AND variant_key = ANY(%(mailed)s) ORDER BY customer_id
"""
PAST = "their time was past"


def freeze_audience(campaign: Campaign, dispatch: Dispatch, *, at: datetime) -> None:
    """Write the snapshot, the assignments and the queue of a launch at the database's time `at`; in its transaction."""
    caps = pressure.caps_of(campaign)
    if caps:
        pressure.queue_up()
    variants = list(campaign.experiment.variants.all())
    variant, named = _variant(campaign)
    parameters: dict[str, Any] = {
        **named,
        "campaign": campaign.pk,
        "segment": campaign.segment_id,
        "experiment": campaign.experiment.key,
        "dispatch": dispatch.pk,
        "purpose": Consent.Purpose.MARKETING_EMAIL,
        "key": settings.SUPPRESSION_KEY,
        "mailed": [one.key for one in variants if one.role != Variant.Role.NO_MAIL],
        **pressure.cap_parameters(campaign, caps),
    }
    statement = _FREEZE.format(variant=variant, past=PAST, **_when(campaign), **_capped(caps))
    if not campaign.timing().is_alike:
        parameters |= planning.plan_parameters(campaign, at=at)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        if shifted := campaign.variants.exclude(send_shift_hours=0).select_related("variant"):
            cursor.execute(_SHIFT, _shifts(campaign, shifted, at=at))
        cursor.execute(_ASSIGN, parameters)
        cursor.execute(_QUEUE, parameters)


def _shifts(campaign: Campaign, arms: Iterable[CampaignVariant], *, at: datetime) -> dict[str, Any]:
    """Which arms are due later, and by how many hours."""
    later = [(arm.variant.key, arm.send_shift_hours) for arm in arms]
    return {
        "campaign": campaign.pk,
        "launched": at,
        "later_arms": [key for key, _ in later],
        "later_hours": [hours for _, hours in later],
    }


def _variant(campaign: Campaign) -> tuple[str, dict[str, object]]:
    """The arm of a `customer` as SQL with named parameters."""
    variant, values = variant_case_sql(campaign.experiment)
    named = {f"variant_{i}": value for i, value in enumerate(values)}
    for name in named:
        variant = variant.replace("%s", f"%({name})s", 1)
    return variant, named


def _when(campaign: Campaign) -> dict[str, str]:
    """The parts of the statement that say when; NULL is the launch, for everybody alike."""
    timing = campaign.timing()
    if timing.is_alike:
        return {"due_at": "NULL::timestamptz", "is_past": "false", "places": ""}
    hour, habits = planning.hour_sql(timing)
    return {
        "due_at": "CASE WHEN place.timezone IS NULL THEN %(elsewhere)s ELSE place.due_at END",
        "is_past": "place.timezone IS NOT NULL AND place.due_at IS NULL",
        "places": planning.JOINS.format(hour=hour, habits=habits),
    }


def _capped(caps: list[ContactCap]) -> dict[str, str]:
    """The parts of the statement that ask the caps."""
    if not caps:
        return {"capped": "", "join_capped": "", "when_capped": ""}
    return {
        "capped": f", {pressure.CAPPED}",
        "join_capped": "LEFT JOIN capped ON capped.customer_id = customer.customer_id",
        "when_capped": "WHEN capped.reason IS NOT NULL THEN capped.reason",
    }
