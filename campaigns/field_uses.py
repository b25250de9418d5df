"""Which fields of customers a campaign reads: told downwards to data health, and asked of it before a launch."""

from collections.abc import Iterable, Iterator

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.slots import asked_by, versions_of
from campaigns.templating.variables import KNOWN, is_known
from customers.models import CustomerFacts
from customers.profiles import COLUMNS, DATES
from customers.quality import health
from customers.quality.figures import tell_field_uses
from customers.quality.health import SourceHealth
from delivery.models import Dispatch, Message
from rules.deciding import document_of
from rules.models import RuleSetVersion
from rules.uses import RULES, needs_of, segment_uses
from rules.versions import live_versions
from segments.conditions import Comparison, Condition, ConditionError, Happened, Needs, parse
from segments.conditions.needs import leaves
from segments.models import Segment
from segments.nesting import CycleError, built_on
from segments.references import Use, forget_use, tell_use
from segments.references import tell_uses as tell_segment_uses

_CAMPAIGN = "campaign"
_FACTS = frozenset(field.name for field in CustomerFacts._meta.get_fields())
_SYSTEM = (
    "nearest_store",
    "promotion",
    "sender",
    "campaign",
    "recommendations",
    "slots",
    "unsubscribe_url",
    "now",
    "today",
)


def fields_of(campaign: Campaign) -> set[str]:
    """Fields that the campaign's templates, its segment and the live rules read, as data health names them."""
    fields = _of_segment(campaign.segment)
    versions = versions_of(campaign)
    for content in campaign.variants.select_related("template_version"):
        fields |= {name for path in content.template_version.variables for name in _of_variable(path)}
        for version in asked_by(content, versions):
            fields |= _of_rules(version)
    return fields


def sources_in_doubt(campaign: Campaign) -> list[SourceHealth]:
    """Sources that feed what the campaign reads and are not green, the worst first."""
    return health.feeding(fields_of(campaign))


def tell_uses() -> None:
    """Tell data health what drafts and campaigns that are still sending, live rules and their segments read.

    Segments are told which of those, and which drafts of rules, use them.
    """
    campaigns, rules = list(_live()), list(live_versions())
    tell_field_uses(_CAMPAIGN, ((one.pk, one.name, fields_of(one)) for one in campaigns))
    tell_field_uses(
        RULES, ((one.rule_set_id, f"Rules: {one.rule_set.name}", _of_rules(one)) for one in rules)
    )
    tell_segment_uses(_CAMPAIGN, map(_use_of_campaign, campaigns))
    tell_segment_uses(RULES, segment_uses())


def tell_campaign(campaign: Campaign) -> None:
    """Tell which segments one campaign uses; in the transaction that stores it."""
    tell_use(_CAMPAIGN, _use_of_campaign(campaign))


def forget_campaign(campaign_id: int) -> None:
    """Take back what a campaign that is deleted used."""
    forget_use(_CAMPAIGN, str(campaign_id))


def stage_uses() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what each campaign that is sending is called, with the stages that its frozen rules ask about."""
    for campaign in _live().exclude(dispatch=None):
        yield f"Campaign: {campaign.name}", _frozen_needs(campaign).stages


def _frozen_needs(campaign: Campaign) -> Needs:
    """What the rules that a launch froze ask about; they go on deciding when the rule sets say something else."""
    total = Needs()
    for version in campaign.rule_set_versions.order_by("pk"):
        total |= needs_of(version.document)
    return total


def _use_of_campaign(campaign: Campaign) -> Use:
    keys = _frozen_needs(campaign).segments | {campaign.segment.key}
    return Use(
        str(campaign.pk), f"Campaign: {campaign.name}", keys, reverse("campaigns:detail", args=[campaign.key])
    )


def _live() -> QuerySet[Campaign]:
    """Drafts, and campaigns with messages still to send."""
    open_states = (Message.State.QUEUED, Message.State.IN_FLIGHT)
    to_send = Message.objects.filter(dispatch=OuterRef("dispatch"), state__in=open_states)
    is_sending = ~Q(dispatch__state=Dispatch.State.CANCELLED) & Exists(to_send)
    live = Campaign.objects.filter(Q(dispatch=None) | is_sending)
    return live.select_related("segment").order_by("pk")


def _of_segment(segment: Segment) -> set[str]:
    try:
        below = built_on(segment)
    except CycleError:
        below = []
    fields: set[str] = set()
    for one in (segment, *below):
        try:
            fields |= _of_condition(parse(one.condition))
        except ConditionError:
            continue
    return fields


def _of_rules(version: RuleSetVersion) -> set[str]:
    return {name for rule in document_of(version).rules for name in _of_condition(rule.when)}


def _of_condition(condition: Condition) -> set[str]:
    return {name for leaf in leaves(condition) for name in _of_leaf(leaf)}


def _of_leaf(leaf: Condition) -> Iterable[str]:
    match leaf:
        case Happened():
            return (f"event.{leaf.type.name.lower()}",)
        case Comparison() if leaf.field.source == "custom":
            return (f"attributes.{leaf.field.name}",)
        case Comparison():
            return (leaf.field.path.removeprefix("facts__"),)
        case _:
            return ()


def _of_variable(path: str) -> Iterable[str]:
    """Fields behind a template's variable such as `customer.first_name` or `last_viewed_product.name`."""
    first, _, rest = path.partition(".")
    if first in _SYSTEM:
        return ()
    if first == "customer" and rest.startswith("attributes."):
        return (".".join(rest.split(".")[:2]),)
    if first == "customer":
        return (rest,) if rest in ("email", *COLUMNS, *DATES) else ()
    if first == "last_viewed_category":
        return ("last_viewed_product_id",)
    for name in (first, f"{first}_id"):
        if name in _FACTS:
            return (name,)
    return () if is_known(path, KNOWN) else (f"attributes.{first}",)
