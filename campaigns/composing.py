"""Writing the mails of one chunk: what rules decide, what the recommender says, what the template makes of it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from campaigns.contexts import People, absolute_product, context_for, load_people
from campaigns.launching import arm_contents
from campaigns.models import Block, Campaign, CampaignVariant
from campaigns.publishing import compiled_of
from campaigns.templating.compile import requested_recommendations
from campaigns.templating.render import Rendered, RenderFailed, render
from common import tokens
from common.clock import now
from customers import consent
from customers.models import Purpose
from delivery import mime, tracking
from delivery.backends.base import Outgoing
from delivery.models import Dispatch
from delivery.outbox import Claimed
from delivery.sending import Composed
from products.models import Product
from recommendations.serving import Served, recommend
from rules.deciding import Decision, decide
from rules.models import RuleSet, RuleSetVersion

MOST_PRODUCTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """Everything that the mails of one chunk are made of; nothing more is read while they are written."""

    campaign: Campaign
    contents: dict[str, CampaignVariant]
    people: People
    decisions: dict[int, Decision]
    blocks: dict[str, str]
    recommended: dict[int, Served]
    open_tracked: set[int]
    click_tracked: set[int]


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    """Write each claimed message from fresh data; a fixed number of queries for any number of messages.

    One that cannot be written fails by itself, with the reason.
    """
    campaign = Campaign.objects.select_related("experiment", "sender").get(dispatch=dispatch)
    ingredients = gather(campaign, [(one.customer_id, one.variant_key) for one in claimed])
    return [_compose_one(ingredients, one) for one in claimed]


def gather(campaign: Campaign, recipients: Sequence[tuple[int, str]]) -> Ingredients:
    """Load the ingredients for (customer id, variant key) pairs."""
    contents = arm_contents(campaign)
    everybody = [who for who, _ in recipients]
    personalised = [who for who, key in recipients if contents[key].is_personalised]
    decisions = decide(_rule_versions(campaign), personalised, now=now()) if personalised else {}
    return Ingredients(
        campaign=campaign,
        contents=contents,
        people=load_people(everybody),
        decisions=decisions,
        blocks=dict(Block.objects.values_list("key", "compiled_html")),
        recommended=_recommended(contents, recipients, decisions),
        open_tracked=consent.may_track(everybody, Purpose.OPEN_TRACKING),
        click_tracked=consent.may_track(everybody, Purpose.CLICK_TRACKING),
    )


def write(
    ingredients: Ingredients, customer_id: int, variant_key: str, *, message_id: int | None
) -> Rendered:
    """Render one customer's mail. Raises RenderFailed.

    Links stand as they are without a message (preview, test) and for who does not allow clicks to be noted.
    """
    content = ingredients.contents[variant_key]
    context = _context(ingredients, customer_id, content, message_id=message_id)
    is_tracked = message_id is not None and customer_id in ingredients.click_tracked
    token = tokens.sign(tracking.PURPOSE_CLICK, message_id) if message_id is not None and is_tracked else None

    def tracked(index: int, url: str) -> str:
        return settings.BASE_URL + reverse("delivery:clicked", args=[token, index])

    return render(compiled_of(content.template_version_id), context, links=tracked if token else None)


def _rule_versions(campaign: Campaign) -> list[RuleSetVersion]:
    """The versions that the launch froze; for a draft those that are live."""
    if campaign.state == Campaign.State.DRAFT:
        live = RuleSet.objects.exclude(live_version=None).values("live_version")
        return list(RuleSetVersion.objects.filter(pk__in=live).select_related("rule_set"))
    return list(campaign.rule_set_versions.select_related("rule_set"))


def _recommended(
    contents: dict[str, CampaignVariant],
    recipients: Sequence[tuple[int, str]],
    decisions: dict[int, Decision],
) -> dict[int, Served]:
    """Ask the recommender once for each strategy and set of categories, as the arm and the rules have it.

    A rule's `recommend` replaces the arm's strategy, and products that it names come first; what rules exclude is
    left out and filled up.
    """
    wishes: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[int]] = defaultdict(list)
    for who, key in recipients:
        rule = next(iter(decisions[who].recommend.values()), None) if who in decisions else None
        wish = (rule.strategy, rule.categories, rule.products) if rule else (contents[key].strategy, (), ())
        wishes[wish].append(who)
    named = _named_products(wishes, decisions)
    exclude = {
        who: {product.pk for code in one.exclude for product in named.get(code, ())}
        for who, one in decisions.items()
    }
    k = _products_wanted(contents)
    served: dict[int, Served] = {}
    for (strategy, categories, codes), people in wishes.items():
        found = recommend(people, k=k, strategy=strategy, exclude=exclude, categories=categories)
        first = [product for code in codes for product in named.get(code, ()) if product.is_available]
        served |= {who: _with_first(one, first, k) for who, one in found.items()} if first else found
    return served


def _named_products(
    wishes: Iterable[tuple[str, tuple[str, ...], tuple[str, ...]]], decisions: dict[int, Decision]
) -> dict[str, list[Product]]:
    """The products that rules name, by their external id; one query, or none."""
    codes = {code for decision in decisions.values() for code in decision.exclude}
    codes |= {code for *_, products in wishes for code in products}
    named: dict[str, list[Product]] = defaultdict(list)
    if codes:
        for product in Product.objects.select_related("category").filter(external_id__in=codes):
            named[product.external_id].append(product)
    return named


def _with_first(served: Served, first: Sequence[Product], k: int) -> Served:
    """Put what a rule names before what the recommender found, each product once."""
    chosen = {product.pk: (product, "rule", "a rule names it") for product in first}
    for product, source, reason in zip(served.products, served.sources, served.reasons, strict=True):
        chosen.setdefault(product.pk, (product, source, reason))
    products, sources, reasons = zip(*list(chosen.values())[:k], strict=True)
    return replace(served, products=products, sources=sources, reasons=reasons)


def _products_wanted(contents: dict[str, CampaignVariant]) -> int:
    wanted = [
        k
        for content in contents.values()
        for k in requested_recommendations(compiled_of(content.template_version_id)).values()
    ]
    return min(MOST_PRODUCTS, max(wanted, default=1))


def _context(
    ingredients: Ingredients, customer_id: int, content: CampaignVariant, *, message_id: int | None
) -> dict[str, Any]:
    context = context_for(ingredients.people, customer_id)
    decision = ingredients.decisions.get(customer_id)
    served = ingredients.recommended.get(customer_id)
    products = served.products if served else ()
    context["recommendations"] = [absolute_product(product) for product in products]
    context["slots"] = {
        slot: ingredients.blocks[block]
        for slot, block in (decision.show.items() if decision else ())
        if block in ingredients.blocks
    }
    if decision:
        context |= decision.variables
    sender = ingredients.campaign.sender
    context["sender"] = {"name": sender.from_name, "postal_address": settings.POSTAL_ADDRESS}
    context["campaign"] = {"name": ingredients.campaign.name}
    context["unsubscribe_url"] = _unsubscribe_url(message_id)
    context["preferences_url"] = _preferences_url(message_id)
    return context


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


def _compose_one(ingredients: Ingredients, claimed: Claimed) -> Composed:
    decision = ingredients.decisions.get(claimed.customer_id)
    if decision and decision.suppress:
        return Composed(claimed=claimed, skipped="a rule suppressed it")
    try:
        rendered = write(ingredients, claimed.customer_id, claimed.variant_key, message_id=claimed.id)
        has_pixel = claimed.customer_id in ingredients.open_tracked
        raw = _mime(ingredients.campaign, claimed, rendered, has_pixel=has_pixel)
    except (RenderFailed, mime.RefusedHeader) as error:
        return Composed(claimed=claimed, failed=f"{type(error).__name__}: {error}")
    content = ingredients.contents[claimed.variant_key]
    compiled = compiled_of(content.template_version_id)
    return Composed(
        claimed=claimed,
        mail=Outgoing(key=claimed.key, recipient=claimed.recipient, subject=rendered.subject, raw=raw),
        content_sha256=hashlib.sha256(raw).hexdigest(),
        resolved=json.dumps(_resolved(ingredients, claimed, content, rendered)),
        links=json.dumps([*compiled.links, *rendered.links]),
        fallbacks=sum(rendered.fallbacks.values()),
    )


def _mime(campaign: Campaign, claimed: Claimed, rendered: Rendered, *, has_pixel: bool) -> bytes:
    sender = campaign.sender
    domain = sender.from_email.partition("@")[2]
    headers = mime.list_headers(
        unsubscribe_url=_unsubscribe_url(claimed.id),
        list_id=f"{campaign.segment_id}.segments.{urlsplit(settings.BASE_URL).hostname or domain}",
        feedback_id=f"{campaign.pk}:{claimed.variant_key}:campaign:regards",
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
    served = ingredients.recommended.get(claimed.customer_id)
    return {
        "template_version": content.template_version_id,
        "rule_set_versions": list(decision.version_ids) if decision else [],
        "rules_fired": list(decision.fired) if decision else [],
        "variables": dict(decision.variables) if decision else {},
        "recommendations": [
            {"id": product.pk, "price_minor": product.price_minor, "currency": product.currency}
            for product in (served.products if served else ())
        ],
        "recommendation_sources": list(served.sources) if served else [],
        "model_version": served.model_version.pk if served and served.model_version else None,
        "fallbacks": rendered.fallbacks,
    }
