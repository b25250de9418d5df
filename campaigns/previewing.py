"""A template version as one customer would get it: written as the mail is, with links as they stand."""

from dataclasses import dataclass

from campaigns.composing import Source, gather, source_of, write
from campaigns.content import NOBODY
from campaigns.models import CampaignVariant, TemplateVersion
from campaigns.slots import live_blocks
from campaigns.templating.render import Rendered
from delivery.models import Sender
from recommendations.strategies import FOR_YOU
from rules.versions import live_versions

ALONE = "preview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A mail, and whether a rule keeps it from being sent to this customer."""

    rendered: Rendered
    is_suppressed: bool


def arm_shown(version: TemplateVersion) -> CampaignVariant | None:
    """Return the arm of the latest campaign that sends this version; None where none does."""
    arms = CampaignVariant.objects.filter(template_version=version).order_by("-campaign_id", "-pk")
    return arms.select_related("campaign__sender", "variant").first()


def preview(version: TemplateVersion, *, customer_id: int | None) -> Preview:
    """Write a version for a customer, or for somebody of whom nothing is known. Raises RenderFailed.

    It is shown as the arm gets it that sends it; one that no campaign uses yet, personalised and with today's rules.
    """
    arm = arm_shown(version)
    key = arm.variant.key if arm else ALONE
    who = NOBODY if customer_id is None else customer_id
    ingredients = gather(source_of(arm.campaign) if arm else _by_itself(version), [(who, key)])
    decision = ingredients.decisions.get(who)
    return Preview(
        rendered=write(ingredients, who, key, message_id=None),
        is_suppressed=decision is not None and decision.suppress,
    )


def _by_itself(version: TemplateVersion) -> Source:
    """A personalised arm with this version, from the first sender there is."""
    sender = Sender.objects.order_by("pk").first()
    content = CampaignVariant(template_version=version, strategy=FOR_YOU)
    return Source(
        name="Preview",
        sender_name=sender.from_name if sender else "Your shop",
        contents={ALONE: content},
        versions=live_versions(),
        blocks=live_blocks(),
    )
