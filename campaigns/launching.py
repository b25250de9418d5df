"""From a segment to a frozen audience: who is eligible, which arm each gets, one message each.

The order is DESIGN's: eligibility is decided without a look at variants, then the variant is assigned and frozen, then
messages are queued. All of it is one transaction of a handful of set-based statements.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.models import User
from campaigns import approving, preflights
from campaigns.field_uses import sources_in_doubt, tell_uses
from campaigns.models import Campaign, CampaignVariant
from campaigns.piloting import hold_back
from campaigns.slots import freeze
from common.clock import now
from customers.models import Consent
from delivery.models import Dispatch
from experiments.assigning import variant_case_sql
from experiments.models import Experiment, Variant
from experiments.stats.assignment import WHOLE
from segments import membership

_FREEZE = """
INSERT INTO campaigns_recipient (campaign_id, customer_id, variant_key, exclusion)
SELECT %(campaign)s, member.customer_id,
       CASE WHEN judged.exclusion = '' THEN {variant} ELSE '' END, judged.exclusion
FROM segments_segmentmembership member
JOIN customers_customer customer ON customer.id = member.customer_id
LEFT JOIN customers_consent consent ON consent.customer_id = member.customer_id AND consent.purpose = %(purpose)s
LEFT JOIN customers_suppression suppression
    ON suppression.address_hash = sha256(convert_to(%(key)s || ':' || customer.email, 'UTF8'))
CROSS JOIN LATERAL (SELECT CASE
    WHEN customer.email IS NULL THEN 'no address'
    WHEN consent.is_granted IS NULL THEN 'never consented'
    WHEN NOT consent.is_granted THEN 'consent withdrawn'
    WHEN suppression.reason IS NOT NULL THEN 'suppressed: ' || suppression.reason
    ELSE '' END AS exclusion) judged
WHERE member.segment_id = %(segment)s
ORDER BY member.customer_id
"""
_ASSIGN = """
INSERT INTO customers_assignment (customer_id, experiment_key, variant_key, assigned_at)
SELECT customer_id, %(experiment)s, variant_key, statement_timestamp() FROM campaigns_recipient
WHERE campaign_id = %(campaign)s AND variant_key <> '' ORDER BY customer_id
"""
_QUEUE = """
INSERT INTO delivery_message (dispatch_id, customer_id, variant_key)
SELECT %(dispatch)s, customer_id, variant_key FROM campaigns_recipient
WHERE campaign_id = %(campaign)s AND variant_key = ANY(%(mailed)s) ORDER BY customer_id
"""


NOBODY = (
    "Nobody would get a mail: the segment holds no one in a mailed arm who has an address, consented and is not "
    "suppressed."
)


class LaunchRefused(Exception):
    """The campaign cannot be launched as it stands; each of `reasons` is a sentence for people."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class DataDoubted(LaunchRefused):
    """The data that the campaign reads is bad; a launch has to say that it knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What a launch froze. `audience = mailed + unmailed + excluded`, by construction of the snapshot."""

    dispatch_id: int
    audience: int
    by_variant: dict[str, int]
    excluded: dict[str, int]


def obstacles(campaign: Campaign) -> list[str]:
    """Say what stands in the way of a launch, in sentences; an empty list means nothing does."""
    found = []
    variants = list(campaign.experiment.variants.all())
    if sum(variant.weight for variant in variants) != WHOLE:
        found.append("The weights of the arms do not add up to 100 %.")
    mailed = {variant.pk for variant in variants if variant.role != Variant.Role.NO_MAIL}
    if not mailed:
        found.append("No arm of the experiment gets a mail.")
    content = {one.variant_id: one for one in campaign.variants.select_related("template_version")}
    for variant in variants:
        chosen = content.get(variant.pk)
        if variant.pk in mailed and chosen is None:
            found.append(f"The arm “{variant.name}” has no template.")
        elif chosen and any(finding["severity"] == "error" for finding in chosen.template_version.findings):
            found.append(f"The template of the arm “{variant.name}” has errors.")
    return [*found, *preflights.obstacles(campaign), *approving.obstacles(campaign)]


def data_doubts(campaign: Campaign) -> list[str]:
    """Say which bad sources feed what the campaign reads; with any, a launch has to be confirmed."""
    return [
        f"{source.name}: {reason.sentence}"
        for source in sources_in_doubt(campaign)
        for reason in source.reasons
        if reason.light == "red"
    ]


def launch(campaign_id: int, *, by: User | None = None, despite_data_health: bool = False) -> Launched:
    """Freeze the audience and queue its messages, once; raises LaunchRefused.

    Raises DataDoubted where a source that it reads is bad, unless that is known and wanted; it is kept who said so.

    The segment is refreshed first, with its own "now" where it has one. The live rules that have a say in the
    campaign are frozen with it, and so are the blocks they can show. Whoever calls rings
    `campaigns.tasks.send_dispatch` after the commit.
    """
    membership.refresh(Campaign.objects.select_related("segment").get(pk=campaign_id).segment, cause="launch")
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
        if campaign.state != Campaign.State.DRAFT:
            raise LaunchRefused(["This campaign has been launched already."])
        if reasons := obstacles(campaign):
            raise LaunchRefused(reasons)
        doubts = data_doubts(campaign)
        if doubts and not despite_data_health:
            raise DataDoubted(doubts)
        dispatch = Dispatch.objects.create(name=campaign.name, sender=campaign.sender)
        freeze(campaign, list(arm_contents(campaign).values()))
        _freeze(campaign, dispatch)
        if not dispatch.messages.exists():
            raise LaunchRefused([NOBODY])
        if hold_back(dispatch, campaign) == 0:
            raise LaunchRefused(["Nobody of the audience is in the pilot: choose another segment, or more of them."])
        Experiment.objects.filter(pk=campaign.experiment_id).update(started_at=Now())
        campaign.dispatch, campaign.state, campaign.launched_at = dispatch, Campaign.State.LAUNCHED, now()
        campaign.data_doubts = [
            {"sentence": one, "confirmed_by": str(by or "the command line")} for one in doubts
        ]
        campaign.save(update_fields=["dispatch", "state", "launched_at", "data_doubts"])
        tell_uses()
        return counts(campaign)


def _freeze(campaign: Campaign, dispatch: Dispatch) -> None:
    """Write the snapshot, the assignments and the queue."""
    variants = list(campaign.experiment.variants.all())
    variant, variant_parameters = variant_case_sql(campaign.experiment)
    named = {f"variant_{i}": value for i, value in enumerate(variant_parameters)}
    for name in named:
        variant = variant.replace("%s", f"%({name})s", 1)
    parameters: dict[str, Any] = {
        **named,
        "campaign": campaign.pk,
        "segment": campaign.segment_id,
        "experiment": campaign.experiment.key,
        "dispatch": dispatch.pk,
        "purpose": Consent.Purpose.MARKETING_EMAIL,
        "key": settings.SUPPRESSION_KEY,
        "mailed": [one.key for one in variants if one.role != Variant.Role.NO_MAIL],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FREEZE.format(variant=variant), parameters)
        cursor.execute(_ASSIGN, parameters)
        cursor.execute(_QUEUE, parameters)


def counts(campaign: Campaign) -> Launched:
    """Count the launch snapshot by arm and by reason; the campaign must be launched."""
    assert campaign.dispatch_id is not None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT variant_key, exclusion, count(*) FROM campaigns_recipient
            WHERE campaign_id = %s GROUP BY variant_key, exclusion ORDER BY variant_key, exclusion
            """,
            [campaign.pk],
        )
        rows = cursor.fetchall()
    by_variant = {variant.key: 0 for variant in campaign.experiment.variants.all()}
    by_variant |= {key: count for key, exclusion, count in rows if not exclusion}
    return Launched(
        dispatch_id=campaign.dispatch_id,
        audience=sum(count for *_, count in rows),
        by_variant=by_variant,
        excluded={exclusion: count for _, exclusion, count in rows if exclusion},
    )


def arm_contents(campaign: Campaign) -> dict[str, CampaignVariant]:
    """Return what each mailed arm gets, by the arm's key; two queries."""
    contents = campaign.variants.select_related("variant", "template_version__template")
    return {content.variant.key: content for content in contents}
