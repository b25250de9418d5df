"""Writing the mails of one chunk: what rules decide, what the recommender says, what the template makes of it."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from campaigns import writing_figures
from campaigns.contexts import People, context_for, load_people
from campaigns.coupons import give
from campaigns.dependencies import decide_or_fall_back
from campaigns.launching import arm_contents
from campaigns.letters import Contents, Letterhead, as_bytes, contents, read, rendered
from campaigns.models import BlockVersion, Campaign, CampaignVariant, Recipient
from campaigns.open_time import places
from campaigns.publishing import compiled_of
from campaigns.shelves import Shelves, fill, in_template
from campaigns.slots import asked_by, blocks_of, versions_of
from campaigns.tagging import NO_TAGS, Tags, tagged, tags_of
from campaigns.templating.compile import blocks_shown, requested_by_block, requested_recommendations
from campaigns.templating.render import Rendered, RenderFailed
from campaigns.templating.tags import ARMS_CHOICE, AT_OPENING, MOST_PRODUCTS
from campaigns.templating.used import pools_in
from common.clock import now
from customers import consent
from customers.models import Purpose
from delivery import mime
from delivery.backends.base import Outgoing
from delivery.models import Dispatch, Sender
from delivery.outbox import LEASE, Claimed, Composed
from recommendations.serving import Served
from rules.deciding import Decision
from rules.models import RuleSetVersion

TIME_TO_COMPOSE = LEASE / 2
SAMPLE_COUPON = "SAMPLE-CODE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a campaign, or a preview, makes its mails of: what each arm gets, rules and blocks, and who sends."""

    name: str
    sender_name: str
    contents: dict[str, CampaignVariant]
    versions: list[RuleSetVersion]
    blocks: dict[str, BlockVersion]
    tags: Tags = NO_TAGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """Everything that the mails of one chunk are made of; nothing more is read while they are written.

    `failed` names for each customer the dependencies whose stored default took their place. `coupons` are the codes of
    each message by pool. `products` are those that were shown so far, as templates see them.
    """

    source: Source
    people: People
    decisions: dict[int, Decision]
    recommended: dict[int, dict[str, Served]]
    open_tracked: set[int]
    click_tracked: set[int]
    failed: dict[int, set[str]]
    coupons: dict[int, dict[str, str]] = field(default_factory=dict)
    products: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who a mail comes from, which list it belongs to, and what providers report complaints under."""

    sender: Sender
    list_id: str
    feedback_of: str


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    """Write each claimed message from fresh data; a fixed number of queries for any number of messages.

    One that cannot be written fails by itself, with the reason. When half of the lease is over, the rest is left out.
    """
    deadline = time.monotonic() + TIME_TO_COMPOSE.total_seconds()
    campaign = Campaign.objects.select_related("experiment", "sender").get(dispatch=dispatch)
    ingredients = gather(source_of(campaign), [(one.customer_id, one.variant_key) for one in claimed])
    arms = _frozen_arms(campaign, [one.customer_id for one in claimed])
    ingredients = with_coupons(ingredients, claimed)
    envelope = Envelope(
        sender=campaign.sender,
        list_id=f"{campaign.segment_id}.segments",
        feedback_of=f"{campaign.pk}:{{arm}}:campaign:regards",
    )
    composed: list[Composed] = []
    seconds: list[float] = []
    for one in claimed:
        began = time.monotonic()
        if composed and began > deadline:
            break
        if arms.get(one.customer_id, one.variant_key) != one.variant_key:
            reason = "merged with a recipient who has another arm"
            composed.append(Composed(claimed=one, skipped=reason))
        else:
            composed.append(compose_one(envelope, ingredients, one))
            seconds.append(time.monotonic() - began)
    writing_figures.note(dispatch, composed, seconds)
    return composed


def source_of(campaign: Campaign) -> Source:
    """Return what a campaign's mails are made of: as its launch froze it, for a draft as it is now."""
    return Source(
        name=campaign.name,
        sender_name=campaign.sender.from_name,
        contents=arm_contents(campaign),
        versions=versions_of(campaign),
        blocks=blocks_of(campaign),
        tags=tags_of(campaign),
    )


def gather(source: Source, recipients: Sequence[tuple[int, str]]) -> Ingredients:
    """Load the ingredients for (customer id, variant key) pairs; an id of nobody stands for somebody unknown."""
    everybody = [who for who, _ in recipients]
    people = load_people(everybody)
    decisions: dict[int, Decision] = {}
    recommended: dict[int, dict[str, Served]] = {}
    failed = {who: set(people.failed) for who in everybody}
    for arm, content in source.contents.items():
        of_arm = [who for who, key in recipients if key == arm]
        asked = [who for who in of_arm if people.allows_profiling(who)]
        versions = asked_by(content, source.versions) if asked else []
        decided, have_rules_failed = decide_or_fall_back(versions, asked) if versions else ({}, False)
        decisions |= decided
        filled = fill(
            dict.fromkeys(of_arm, content.strategy),
            decided,
            shelves=_shelves(content, decided.values(), source),
            impersonal=set(of_arm) - set(asked if content.is_personalised else ()),
        )
        recommended |= filled.shelves
        for who in asked if have_rules_failed else ():
            failed[who].add("rules")
        for who in filled.failed:
            failed[who].add("recommender")
    return Ingredients(
        source=source,
        people=people,
        decisions=decisions,
        recommended=recommended,
        open_tracked=consent.may_track(everybody, Purpose.OPEN_TRACKING),
        click_tracked=consent.may_track(everybody, Purpose.CLICK_TRACKING),
        failed=failed,
    )


def with_coupons(ingredients: Ingredients, claimed: Sequence[Claimed]) -> Ingredients:
    """Give each message that will be written the coupon codes that it shows; no query where none does."""
    wishes = {
        one.id: pools
        for one in claimed
        if not is_suppressed(ingredients, one.customer_id)
        and (pools := coupon_pools(ingredients, one.customer_id, one.variant_key))
    }
    return replace(ingredients, coupons=give(wishes)) if wishes else ingredients


def coupon_pools(ingredients: Ingredients, customer_id: int, variant_key: str) -> frozenset[str]:
    """Return the pools of which this customer's mail shows a code."""
    content = ingredients.source.contents[variant_key]
    in_slots, named = _shown(ingredients, customer_id), _named(ingredients.source, content)
    html = (
        *(block.compiled_html for block in in_slots.values()),
        *(one.compiled_html for one in named.values()),
    )
    return pools_in(read(content.template_version_id, html))


def is_suppressed(ingredients: Ingredients, customer_id: int) -> bool:
    """Whether a rule keeps the mail from this customer."""
    decision = ingredients.decisions.get(customer_id)
    return decision is not None and decision.suppress


def _frozen_arms(campaign: Campaign, customer_ids: Sequence[int]) -> dict[int, str]:
    """The arm that each customer has in the launch snapshot, empty for those who were excluded."""
    frozen = Recipient.objects.filter(campaign=campaign, customer__in=customer_ids)
    return dict(frozen.values_list("customer_id", "variant_key"))


def write(
    ingredients: Ingredients, customer_id: int, variant_key: str, *, message_id: int | None
) -> Rendered:
    """Render one customer's mail. Raises RenderFailed.

    Links stand as they are without a message (preview, test) and for who does not allow clicks to be noted.
    """
    return _written(ingredients, customer_id, variant_key, message_id)[1]


def _written(
    ingredients: Ingredients, customer_id: int, variant_key: str, message_id: int | None
) -> tuple[Contents, Rendered]:
    """The mail's contents, and what rendering makes of them; dependencies that failed count as fallbacks."""
    content = ingredients.source.contents[variant_key]
    in_slots, named = _shown(ingredients, customer_id), _named(ingredients.source, content)
    coupons = (
        ingredients.coupons.get(message_id, {})
        if message_id is not None
        else _samples(coupon_pools(ingredients, customer_id, variant_key))
    )
    said = contents(
        content.template_version_id,
        _context(ingredients, customer_id) | {"coupons": coupons},
        slots={slot: block.compiled_html for slot, block in in_slots.items()},
        blocks={key: block.compiled_html for key, block in named.items()},
    )
    is_tracked = customer_id in ingredients.click_tracked
    mail = rendered(
        said,
        message_id=message_id,
        base_url=settings.BASE_URL,
        is_tracked=is_tracked,
        tags=ingredients.source.tags,
    )
    failed = {f"failed:{name}": 1 for name in sorted(ingredients.failed[customer_id])}
    return said, replace(mail, fallbacks=mail.fallbacks | failed) if failed else mail


def _shelves(content: CampaignVariant, decisions: Iterable[Decision], source: Source) -> Shelves:
    """What an arm's template shows, its blocks, and those that rules put into its slots; at least one product of the
    arm's choice, for a template may use the variable itself."""
    blocks = source.blocks
    by_slot: dict[str, Counter[str]] = defaultdict(Counter)
    for slot, key in {pair for decision in decisions for pair in decision.show.items() if pair[1] in blocks}:
        by_slot[slot] |= requested_by_block(blocks[key].compiled_html)
    wanted = requested_recommendations(compiled_of(content.template_version_id))
    for block in _named(source, content).values():
        wanted += requested_by_block(block.compiled_html)
    for in_slot in by_slot.values():
        wanted += in_slot
    return {shelf: min(MOST_PRODUCTS, k) for shelf, k in wanted.items()} or {ARMS_CHOICE: 1}


def _named(source: Source, content: CampaignVariant) -> dict[str, BlockVersion]:
    """The blocks that an arm's template shows by name."""
    if not source.blocks:
        return {}
    keys = blocks_shown(compiled_of(content.template_version_id))
    return {key: source.blocks[key] for key in sorted(keys) if key in source.blocks}


def _samples(pools: Iterable[str]) -> dict[str, str]:
    """What a preview shows in place of coupon codes: it uses none up."""
    return dict.fromkeys(sorted(pools), SAMPLE_COUPON)


def _context(ingredients: Ingredients, customer_id: int) -> dict[str, Any]:
    context = context_for(ingredients.people, customer_id)
    decision = ingredients.decisions.get(customer_id)
    shelves = ingredients.recommended.get(customer_id, {})
    context["recommendations"] = in_template(shelves, ingredients.products)
    if at_opening := places.stored(shelves):
        context["open_time"] = at_opening
    if decision:
        context |= decision.variables
    context["sender"] = {
        "name": ingredients.source.sender_name,
        "postal_address": settings.POSTAL_ADDRESS,
    }
    context["campaign"] = {"name": ingredients.source.name}
    return context


def _shown(ingredients: Ingredients, customer_id: int) -> dict[str, BlockVersion]:
    """The block that rules put into each slot, where there is such a block."""
    decision = ingredients.decisions.get(customer_id)
    blocks = ingredients.source.blocks
    chosen = decision.show if decision else {}
    return {slot: blocks[key] for slot, key in chosen.items() if key in blocks}


def compose_one(envelope: Envelope, ingredients: Ingredients, claimed: Claimed) -> Composed:
    """Write one claimed message as the mail that is handed over, or say why there is none."""
    if is_suppressed(ingredients, claimed.customer_id):
        return Composed(claimed=claimed, skipped="a rule suppressed it")
    letterhead = _letterhead(envelope, ingredients, claimed)
    try:
        said, mail = _written(ingredients, claimed.customer_id, claimed.variant_key, claimed.id)
        raw = as_bytes(letterhead, mail, message_id=claimed.id, recipient=claimed.recipient)
    except (RenderFailed, mime.RefusedHeader) as error:
        return Composed(claimed=claimed, failed=f"{type(error).__name__}: {error}")
    compiled = compiled_of(said.template_version_id)
    kept = _resolved(ingredients, claimed, mail)
    kept |= {"context": said.context, "letterhead": letterhead.as_json()}
    return Composed(
        claimed=claimed,
        mail=Outgoing(key=claimed.key, recipient=claimed.recipient, subject=mail.subject, raw=raw),
        resolved=_as_json(kept),
        links=_as_json([tagged(url, ingredients.source.tags) for url in mail.links]),
        shared_links=_shared_links(compiled.links, ingredients.source.tags),
        fallbacks=sum(mail.fallbacks.values()),
        failures=mail.failures,
    )


def _as_json(plain: object) -> str:
    return msgspec.json.encode(plain).decode()


@lru_cache(maxsize=64)
def _shared_links(links: tuple[str, ...], tags: Tags) -> tuple[str, ...]:
    return tuple(tagged(url, tags) for url in links)


def _letterhead(envelope: Envelope, ingredients: Ingredients, claimed: Claimed) -> Letterhead:
    sender = envelope.sender
    host = urlsplit(settings.BASE_URL).hostname or sender.from_email.partition("@")[2]
    return Letterhead(
        from_email=sender.from_email,
        from_name=sender.from_name,
        list_id=f"{envelope.list_id}.{host}",
        feedback_id=envelope.feedback_of.format(arm=claimed.variant_key),
        base_url=settings.BASE_URL,
        written_at=now().isoformat(timespec="seconds"),
        has_pixel=claimed.customer_id in ingredients.open_tracked,
        is_tracked=claimed.customer_id in ingredients.click_tracked,
        has_trap=claimed.customer_id in ingredients.click_tracked,
        unsubscribe_mailbox=settings.UNSUBSCRIBE_MAILBOX,
        tags=ingredients.source.tags.as_json(),
    )


def _resolved(ingredients: Ingredients, claimed: Claimed, mail: Rendered) -> dict[str, Any]:
    """What is kept of how a mail came about: versions, decisions and the products that were chosen."""
    content = ingredients.source.contents[claimed.variant_key]
    decision = ingredients.decisions.get(claimed.customer_id)
    shelves = ingredients.recommended.get(claimed.customer_id, {})
    models = {served.model_version.pk for served in shelves.values() if served.model_version}
    return {
        "template_version": content.template_version_id,
        "rule_set_versions": list(decision.version_ids) if decision else [],
        "rules_fired": list(decision.fired) if decision else [],
        "slots": {slot: block.pk for slot, block in _shown(ingredients, claimed.customer_id).items()},
        "blocks": {key: block.pk for key, block in _named(ingredients.source, content).items()},
        "variables": dict(decision.variables) if decision else {},
        "recommendations": [
            {
                "id": product.pk,
                "price_minor": product.price_minor,
                "currency": product.currency,
                "strategy": shelf or content.strategy,
                "source": source,
            }
            for shelf, served in shelves.items()
            if not shelf.startswith(AT_OPENING)
            for product, source in zip(served.products, served.sources, strict=True)
        ],
        "model_version": max(models, default=None),
        "fallbacks": mail.fallbacks,
    }
