"""Content outside of our own mails: what a slot shows to one customer right now."""

from typing import Any

from campaigns.contexts import context_for, load_people
from campaigns.models import Block, Campaign
from campaigns.templating.compile import Compiled
from campaigns.templating.render import RenderFailed, render
from common.clock import now
from customers.models import Assignment, Customer
from experiments.models import Variant
from rules.deciding import Decision, decide, fallback_decision
from rules.models import RuleSet


def is_in_baseline(customer_id: int) -> bool:
    """Whether a launched campaign holds this customer in an arm without personalisation."""
    held = Variant.objects.filter(
        role=Variant.Role.BASELINE, experiment__campaign__state=Campaign.State.LAUNCHED
    ).values_list("experiment__key", "key")
    mine = Assignment.objects.filter(customer_id=customer_id).values_list("experiment_key", "variant_key")
    return bool(set(held) & set(mine))


def content_for(slot: str, customer: Customer | None) -> dict[str, Any] | None:
    """Decide a slot and render its block; None where no published rule set decides it.

    Unknown customers, those in a baseline arm, and content that cannot be rendered get the stored fallback.
    """
    rule_set = (
        RuleSet.objects.exclude(live_version=None).select_related("live_version").filter(slot=slot).first()
    )
    if rule_set is None or rule_set.live_version is None:
        return None
    version = rule_set.live_version
    fallback = fallback_decision(version)
    decision = fallback
    if customer is not None and not is_in_baseline(customer.pk):
        decision = decide([version], [customer.pk], now=now()).get(customer.pk, fallback)
    html, is_fallback = _html(decision, slot, customer), decision.fell_back
    if html is None:
        decision, is_fallback = fallback, True
        html = _html(fallback, slot, None) or ""
    return {
        "slot": slot,
        "customer": str(customer.public_id) if customer else None,
        "block": decision.show.get(slot),
        "html": html,
        "variables": dict(decision.variables),
        "rule_set_version": version.number,
        "is_fallback": is_fallback,
    }


def _html(decision: Decision, slot: str, customer: Customer | None) -> str | None:
    """Render the decided block, or None where there is none or it cannot be rendered."""
    block = Block.objects.filter(key=decision.show.get(slot, "")).first()
    if block is None:
        return None
    context = context_for(load_people([customer.pk]), customer.pk) if customer else {}
    try:
        return render(
            Compiled(html=block.compiled_html, text="", subject=""), context | decision.variables
        ).html
    except RenderFailed:
        return None
