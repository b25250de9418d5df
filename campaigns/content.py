"""Content outside of our own mails: what a slot or a shelf shows to one customer right now."""

from dataclasses import replace
from typing import Any

from campaigns.contexts import context_for, load_people
from campaigns.models import Block
from campaigns.shelves import excluded_products, fill, in_template
from campaigns.templating.compile import requested_by_block
from campaigns.templating.render import RenderFailed, render_fragment
from common.clock import now
from common.prepared_statements import answers
from customers.models import Customer
from recommendations.serving import Served, recommend
from recommendations.strategies import BESTSELLERS, FOR_YOU, strategy_called
from rules.deciding import Decision, decide, fallback_decision
from rules.models import RuleSet
from rules.versions import live_versions

NOBODY = 0
"""An id that no customer has."""
IN_BASELINE = """
EXISTS (
    SELECT FROM customers_assignment a
    JOIN experiments_experiment e ON e.key = a.experiment_key
    JOIN experiments_variant t ON t.experiment_id = e.id AND t.key = a.variant_key AND t.role = 'baseline'
    JOIN campaigns_campaign m ON m.experiment_id = e.id AND m.state = 'launched'
    LEFT JOIN delivery_dispatch d ON d.id = m.dispatch_id
    WHERE a.customer_id = c.id AND d.state IS DISTINCT FROM 'cancelled'
      AND m.launched_at > %(now)s - e.conversion_window_days * interval '1 day'
)
"""
"""Whether a customer `c` is in an arm without personalisation of a running campaign, as SQL."""


def is_in_baseline(customer_id: int) -> bool:
    """Whether a running campaign holds this customer in an arm without personalisation.

    A campaign runs from its launch to the end of its experiment's window, unless it is cancelled.
    """
    ((is_held,),) = answers(
        f"SELECT {IN_BASELINE} FROM (SELECT %(id)s::bigint) AS c (id)",  # noqa: S608
        {"id": customer_id, "now": now()},
    )
    return bool(is_held)


def is_personalised(customer: Customer | None) -> bool:
    """Whether what is known about the customer may decide: they are known, do not object, and are in no baseline."""
    return customer is not None and customer.allows_profiling and not is_in_baseline(customer.pk)


def products_for(customer: Customer, *, k: int, strategy: str = FOR_YOU) -> Served:
    """Recommend products to one customer, without those that live rules exclude.

    Who is not personalised gets bestsellers in place of a personal strategy. Raises ValueError for an unknown one.
    """
    is_personal = strategy_called(strategy).is_personal
    if not is_personalised(customer):
        chosen = BESTSELLERS if is_personal else strategy
        return recommend([customer.pk], k=k, strategy=chosen)[customer.pk]
    decisions = decide(live_versions(), [customer.pk], now=now())
    return recommend([customer.pk], k=k, strategy=strategy, exclude=excluded_products(decisions))[customer.pk]


def content_for(slot: str, customer: Customer | None) -> dict[str, Any] | None:
    """Decide a slot and render its block; None where no published rule set decides it.

    Unknown customers, those who are not personalised, and content that cannot be rendered get the stored fallback.
    """
    rule_set = RuleSet.objects.select_related("live_version").filter(slot=slot).first()
    if rule_set is None or rule_set.live_version is None:
        return None
    version = rule_set.live_version
    fallback = replace(fallback_decision(version), recommend={})
    decision, is_personal = fallback, False
    if customer is not None and is_personalised(customer):
        decision, is_personal = decide([version], [customer.pk], now=now())[customer.pk], True
    html, is_fallback = _html(decision, slot, customer, is_personal=is_personal), decision.fell_back
    if html is None:
        decision, is_fallback = fallback, True
        html = _html(fallback, slot, None, is_personal=False) or ""
    return {
        "slot": slot,
        "customer": str(customer.public_id) if customer else None,
        "block": decision.show.get(slot),
        "html": html,
        "variables": dict(decision.variables),
        "rule_set_version": version.number,
        "is_fallback": is_fallback,
    }


def _html(decision: Decision, slot: str, customer: Customer | None, *, is_personal: bool) -> str | None:
    """Render the decided block, or None where there is none or it cannot be rendered."""
    block = Block.objects.filter(key=decision.show.get(slot, "")).first()
    if block is None:
        return None
    who = customer.pk if customer else NOBODY
    context = context_for(load_people([who]), who) | decision.variables
    wanted = requested_by_block(block.compiled_html)
    if wanted:
        impersonal = () if is_personal else (who,)
        filled = fill({who: FOR_YOU}, {who: decision}, shelves=wanted, impersonal=impersonal)
        context["recommendations"] = in_template(filled[who])
    try:
        return render_fragment(block.compiled_html, context)
    except RenderFailed:
        return None
