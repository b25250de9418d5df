"""Which rules have a say in a mail: those that decide a slot which the mail has."""

from collections.abc import Collection, Sequence

from campaigns.models import Block, BlockVersion, Campaign, CampaignVariant, FrozenBlock, TemplateVersion
from campaigns.publishing import compiled_of
from campaigns.templating.compile import blocks_shown, requested_recommendations, slot_names
from campaigns.templating.tags import ARMS_CHOICE
from rules.deciding import document_of
from rules.models import RuleSetVersion
from rules.versions import live_versions

SUBJECT = "subject"
PRODUCTS = "products"


def slots_of(template_version_id: int) -> frozenset[str]:
    """Return what rules may decide in a template: its slots, `products` if a shelf is left open, and the `subject`."""
    compiled = compiled_of(template_version_id)
    shelf = [PRODUCTS] if ARMS_CHOICE in requested_recommendations(compiled) else []
    return frozenset([SUBJECT, *shelf, *slot_names(compiled)])


def versions_of(campaign: Campaign) -> list[RuleSetVersion]:
    """Return the versions that the launch froze, before it those that are live; by the rule sets' keys."""
    if campaign.state in Campaign.UNFROZEN:
        return live_versions()
    return list(campaign.rule_set_versions.select_related("rule_set").order_by("rule_set__key"))


def asked_by(content: CampaignVariant, versions: Sequence[RuleSetVersion]) -> list[RuleSetVersion]:
    """Return those of the versions that have a say in what an arm gets; none for one without personalisation."""
    if not content.is_personalised:
        return []
    slots = slots_of(content.template_version_id)
    return [version for version in versions if version.rule_set.slot in slots]


def choosing_products(content: CampaignVariant, versions: Sequence[RuleSetVersion]) -> list[tuple[str, str]]:
    """Return which rules replace an arm's choice of products, and for whom: (version, whom)."""
    found = []
    for version in asked_by(content, versions):
        document = document_of(version)
        if document.otherwise.recommend is not None:
            found.append((str(version), "everybody"))
        elif any(rule.then.recommend is not None for rule in document.rules):
            found.append((str(version), "those whom its rules fit"))
    return found


def to_freeze(
    contents: Sequence[CampaignVariant],
) -> tuple[list[RuleSetVersion], dict[str, BlockVersion]]:
    """Return the live rules that have a say in these arms, and the blocks that they or templates show, by key."""
    live = live_versions()
    versions = {version.pk: version for content in contents for version in asked_by(content, live)}
    documents = [document_of(version) for version in versions.values()]
    keys = {
        actions.show
        for document in documents
        for actions in (*(rule.then for rule in document.rules), document.otherwise)
        if actions.show is not None
    }
    for content in contents:
        keys |= blocks_shown(compiled_of(content.template_version_id))
    return list(versions.values()), live_blocks(keys)


def freeze(campaign: Campaign, contents: Sequence[CampaignVariant]) -> None:
    """Keep the rules that have a say in the campaign, and the blocks that they or templates show, as they are now."""
    versions, blocks = to_freeze(contents)
    campaign.rule_set_versions.set(versions)
    FrozenBlock.objects.bulk_create(
        FrozenBlock(campaign=campaign, key=key, version=version) for key, version in sorted(blocks.items())
    )


def known_blocks(keys: Collection[str]) -> set[str]:
    """Return those of the keys that blocks have; one query."""
    return set(Block.objects.filter(key__in=keys).values_list("key", flat=True))


def known_slots(slots: Collection[str]) -> set[str]:
    """Return those of the slots that the latest version of some template has; `subject` is in every mail."""
    latest = TemplateVersion.objects.order_by("template_id", "-number").distinct("template_id")
    found = {slot for pk in latest.values_list("pk", flat=True) for slot in slots_of(pk)}
    return set(slots) & (found | {SUBJECT})


def blocks_of(campaign: Campaign) -> dict[str, BlockVersion]:
    """Return the blocks by key: as frozen at the launch, before it as they are now; one query."""
    if campaign.state in Campaign.UNFROZEN:
        return live_blocks()
    return {frozen.key: frozen.version for frozen in campaign.blocks.select_related("version")}


def live_blocks(keys: Collection[str] | None = None) -> dict[str, BlockVersion]:
    """Return the newest version of these blocks, or of all, by key; one query."""
    blocks = Block.objects.select_related("newest")
    found = blocks if keys is None else blocks.filter(key__in=keys)
    return {block.key: block.newest for block in found if block.newest is not None}
