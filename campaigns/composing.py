"""Writing the mails of one chunk: what rules decide, what the recommender says, what the template makes of it."""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from campaigns.contexts import People, context_for, load_people
from campaigns.launching import arm_contents
from campaigns.models import Campaign, CampaignVariant, Recipient
from campaigns.publishing import compiled_of
from campaigns.shelves import Shelves, fill, in_template
from campaigns.slots import asked_by, blocks_of, versions_of
from campaigns.templating.compile import requested_by_block, requested_recommendations
from campaigns.templating.render import Rendered, RenderFailed, render
from campaigns.templating.tags import ARMS_CHOICE, MOST_PRODUCTS
from common import tokens
from common.clock import now
from customers import consent
from customers.models import Purpose
from delivery import mime, tracking
from delivery.backends.base import Outgoing
from delivery.models import Dispatch, Sender
from delivery.outbox import LEASE, Claimed, Composed
from recommendations.serving import Served
from rules.deciding import Decision, decide
from rules.models import RuleSetVersion

TIME_TO_COMPOSE = LEASE / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a campaign, or a preview, makes its mails of: what each arm gets, rules and blocks, and who sends."""

    name: str
    sender_name: str
    contents: dict[str, CampaignVariant]
    versions: list[RuleSetVersion]
    blocks: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """Everything that the mails of one chunk are made of; nothing more is read while they are written."""

    source: Source
    people: People
    decisions: dict[int, Decision]
    recommended: dict[int, dict[str, Served]]
    open_tracked: set[int]
    click_tracked: set[int]


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
    envelope = Envelope(
        sender=campaign.sender,
        list_id=f"{campaign.segment_id}.segments",
        feedback_of=f"{campaign.pk}:{{arm}}:campaign:regards",
    )
    composed: list[Composed] = []
    for one in claimed:
        if composed and time.monotonic() > deadline:
            break
        if arms.get(one.customer_id, one.variant_key) != one.variant_key:
            reason = "merged with a recipient who has another arm"
            composed.append(Composed(claimed=one, skipped=reason))
        else:
            composed.append(compose_one(envelope, ingredients, one))
    return composed


def source_of(campaign: Campaign) -> Source:
    """Return what a campaign's mails are made of: as its launch froze it, for a draft as it is now."""
    return Source(
        name=campaign.name,
        sender_name=campaign.sender.from_name,
        contents=arm_contents(campaign),
        versions=versions_of(campaign),
        blocks=blocks_of(campaign),
    )


def gather(source: Source, recipients: Sequence[tuple[int, str]]) -> Ingredients:
    """Load the ingredients for (customer id, variant key) pairs; an id of nobody stands for somebody unknown."""
    everybody = [who for who, _ in recipients]
    people = load_people(everybody)
    decisions: dict[int, Decision] = {}
    recommended: dict[int, dict[str, Served]] = {}
    for arm, content in source.contents.items():
        of_arm = [who for who, key in recipients if key == arm]
        asked = [who for who in of_arm if people.allows_profiling(who)]
        versions = asked_by(content, source.versions) if asked else []
        decided = decide(versions, asked, now=now()) if versions else {}
        decisions |= decided
        recommended |= fill(
            dict.fromkeys(of_arm, content.strategy),
            decided,
            shelves=_shelves(content, decided.values(), source.blocks),
            impersonal=set(of_arm) - set(asked if content.is_personalised else ()),
        )
    return Ingredients(
        source=source,
        people=people,
        decisions=decisions,
        recommended=recommended,
        open_tracked=consent.may_track(everybody, Purpose.OPEN_TRACKING),
        click_tracked=consent.may_track(everybody, Purpose.CLICK_TRACKING),
    )


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
    content = ingredients.source.contents[variant_key]
    context = _context(ingredients, customer_id, message_id=message_id)
    is_tracked = message_id is not None and customer_id in ingredients.click_tracked
    token = tokens.sign(tracking.PURPOSE_CLICK, message_id) if message_id is not None and is_tracked else None

    def tracked(index: int, url: str) -> str:
        return settings.BASE_URL + reverse("delivery:clicked", args=[token, index])

    return render(compiled_of(content.template_version_id), context, links=tracked if token else None)


def _shelves(content: CampaignVariant, decisions: Iterable[Decision], blocks: Mapping[str, str]) -> Shelves:
    """What an arm's template shows, and the blocks that rules put into its slots; at least one product of the arm's
    choice, for a template may use the variable itself."""
    by_slot: dict[str, Counter[str]] = defaultdict(Counter)
    for slot, key in {pair for decision in decisions for pair in decision.show.items() if pair[1] in blocks}:
        by_slot[slot] |= requested_by_block(blocks[key])
    wanted = requested_recommendations(compiled_of(content.template_version_id))
    for in_slot in by_slot.values():
        wanted += in_slot
    return {shelf: min(MOST_PRODUCTS, k) for shelf, k in wanted.items()} or {ARMS_CHOICE: 1}


def _context(ingredients: Ingredients, customer_id: int, *, message_id: int | None) -> dict[str, Any]:
    context = context_for(ingredients.people, customer_id)
    decision = ingredients.decisions.get(customer_id)
    context["recommendations"] = in_template(ingredients.recommended.get(customer_id, {}))
    blocks = ingredients.source.blocks
    context["slots"] = {slot: blocks[key] for slot, key in _shown(ingredients, customer_id).items()}
    if decision:
        context |= decision.variables
    context["sender"] = {
        "name": ingredients.source.sender_name,
        "postal_address": settings.POSTAL_ADDRESS,
    }
    context["campaign"] = {"name": ingredients.source.name}
    context["unsubscribe_url"] = _unsubscribe_url(message_id)
    context["preferences_url"] = _preferences_url(message_id)
    return context


def _shown(ingredients: Ingredients, customer_id: int) -> dict[str, str]:
    """The block that rules put into each slot, where there is such a block."""
    decision = ingredients.decisions.get(customer_id)
    chosen = decision.show if decision else {}
    return {slot: key for slot, key in chosen.items() if key in ingredients.source.blocks}


def _unsubscribe_url(message_id: int | None) -> str:
    if message_id is None:
        return settings.BASE_URL + "/u/preview"
    token = tokens.sign(tracking.PURPOSE_UNSUBSCRIBE, message_id)
    return settings.BASE_URL + reverse("delivery:unsubscribe", args=[token])


def _preferences_url(message_id: int | None) -> str:
    if message_id is None:
        return settings.BASE_URL + "/p/preview"
    token = tokens.sign(tracking.PURPOSE_PREFERENCES, message_id)
    return settings.BASE_URL + reverse("delivery:preferences", args=[token])


def compose_one(envelope: Envelope, ingredients: Ingredients, claimed: Claimed) -> Composed:
    """Write one claimed message as the mail that is handed over, or say why there is none."""
    decision = ingredients.decisions.get(claimed.customer_id)
    if decision and decision.suppress:
        return Composed(claimed=claimed, skipped="a rule suppressed it")
    try:
        rendered = write(ingredients, claimed.customer_id, claimed.variant_key, message_id=claimed.id)
        has_pixel = claimed.customer_id in ingredients.open_tracked
        raw = _mime(envelope, claimed, rendered, has_pixel=has_pixel)
    except (RenderFailed, mime.RefusedHeader) as error:
        return Composed(claimed=claimed, failed=f"{type(error).__name__}: {error}")
    content = ingredients.source.contents[claimed.variant_key]
    compiled = compiled_of(content.template_version_id)
    return Composed(
        claimed=claimed,
        mail=Outgoing(key=claimed.key, recipient=claimed.recipient, subject=rendered.subject, raw=raw),
        resolved=json.dumps(_resolved(ingredients, claimed, content, rendered)),
        links=json.dumps([*compiled.links, *rendered.links]),
        fallbacks=sum(rendered.fallbacks.values()),
    )


def _mime(envelope: Envelope, claimed: Claimed, rendered: Rendered, *, has_pixel: bool) -> bytes:
    sender = envelope.sender
    domain = sender.from_email.partition("@")[2]
    headers = mime.list_headers(
        unsubscribe_url=_unsubscribe_url(claimed.id),
        list_id=f"{envelope.list_id}.{urlsplit(settings.BASE_URL).hostname or domain}",
        feedback_id=envelope.feedback_of.format(arm=claimed.variant_key),
    )
    return mime.build(
        sender=mime.Mailbox(sender.from_email, sender.from_name),
        recipient=mime.Mailbox(claimed.recipient),
        subject=rendered.subject,
        html=_with_pixel(rendered.html, claimed.id) if has_pixel else rendered.html,
        text=rendered.text,
        message_id=mime.message_id_for(claimed.id, domain=domain),
        headers=headers,
        date=now(),
    )


def _with_pixel(html: str, message_id: int) -> str:
    """Put the tracking pixel at the end of the body."""
    url = settings.BASE_URL + reverse(
        "delivery:opened", args=[tokens.sign(tracking.PURPOSE_OPEN, message_id)]
    )
    pixel = f'<img src="{url}" width="1" height="1" alt="" style="display:block">'
    head, body_end, tail = html.rpartition("</body>")
    return f"{head}{pixel}{body_end}{tail}" if body_end else html + pixel


def _resolved(
    ingredients: Ingredients, claimed: Claimed, content: CampaignVariant, rendered: Rendered
) -> dict[str, Any]:
    """What is kept of a mail: versions, decisions and the products as they were shown."""
    decision = ingredients.decisions.get(claimed.customer_id)
    shelves = ingredients.recommended.get(claimed.customer_id, {})
    models = {served.model_version.pk for served in shelves.values() if served.model_version}
    return {
        "template_version": content.template_version_id,
        "rule_set_versions": list(decision.version_ids) if decision else [],
        "rules_fired": list(decision.fired) if decision else [],
        "blocks": {
            slot: {"key": key, "sha256": hashlib.sha256(ingredients.source.blocks[key].encode()).hexdigest()}
            for slot, key in _shown(ingredients, claimed.customer_id).items()
        },
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
            for product, source in zip(served.products, served.sources, strict=True)
        ],
        "model_version": max(models, default=None),
        "fallbacks": rendered.fallbacks,
    }
