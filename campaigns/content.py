"""Content outside of our own mails: what a slot or a shelf shows to one customer right now."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from campaigns.contexts import context_for, load_people
from campaigns.dependencies import decide_or_fall_back
from campaigns.models import BlockVersion
from campaigns.shelves import excluded_products, fill, in_template, recommended
from campaigns.templating.compile import requested_by_block
from campaigns.templating.render import RenderFailed, render_fragment
from common.clock import now
from common.prepared_statements import answers
from customers.models import Customer
from experiments.models import Variant
from recommendations.serving import Served
from recommendations.strategies import BESTSELLERS, FOR_YOU, strategy_called
from rules.deciding import Decision, fallback_decision
from rules.documents import Recommendation
from rules.models import RuleSet
from rules.versions import live_versions

NOBODY = 0
"""An id that no customer has."""


def held_sql(role: Variant.Role) -> str:
    """Return, as SQL, whether a running campaign holds a customer `c` in an arm of this role; `now` is a parameter.

    A campaign runs from its launch to the end of the window of whoever is mailed last, unless it is cancelled.
    """
    return f"""
EXISTS (
    SELECT FROM customers_assignment a
    JOIN experiments_experiment e ON e.key = a.experiment_key
    JOIN experiments_variant t ON t.experiment_id = e.id AND t.key = a.variant_key AND t.role = '{role.value}'
    JOIN campaigns_campaign m ON m.experiment_id = e.id AND m.state = 'launched'
    LEFT JOIN delivery_dispatch d ON d.id = m.dispatch_id
    WHERE a.customer_id = c.id AND d.state IS DISTINCT FROM 'cancelled'
      AND coalesce(m.last_due_at, m.launched_at) > %(now)s - e.conversion_window_days * interval '1 day'
)
"""  # noqa: S608 - a role is a constant


def held(customer_ids: Collection[int], role: Variant.Role) -> set[int]:
    """Return those of the customers whom a running campaign holds in an arm of this role."""
    sql = f"SELECT id FROM unnest(%(ids)s::bigint[]) AS c (id) WHERE {held_sql(role)}"  # noqa: S608
    return {id for (id,) in answers(sql, {"ids": [*customer_ids], "now": now()})}


def is_in_baseline(customer_id: int) -> bool:
    """Whether a running campaign holds this customer in an arm without personalisation."""
    return bool(held([customer_id], Variant.Role.BASELINE))


def is_personalised(customer: Customer | None) -> bool:
    """Whether what is known about the customer may decide: they are known, do not object, and are in no baseline."""
    return customer is not None and customer.allows_profiling and not is_in_baseline(customer.pk)


def products_for(customer: Customer, *, k: int, strategy: str = FOR_YOU) -> Served:
    """Recommend products to one customer, without those that live rules exclude.

    Who is not personalised gets bestsellers in place of a personal strategy. Raises ValueError for an unknown one.
    """
    is_personal = strategy_called(strategy).is_personal
    exclude: dict[int, set[int]] = {}
    if is_personalised(customer):
        decisions, _ = decide_or_fall_back(live_versions(), [customer.pk])
        exclude = excluded_products(decisions)
    elif is_personal:
        strategy = BESTSELLERS
    found, _ = recommended([customer.pk], Recommendation(strategy), k=k, exclude=exclude)
    return found[customer.pk]


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
        decided, has_failed = decide_or_fall_back([version], [customer.pk])
        decision, is_personal = fallback if has_failed else decided[customer.pk], True
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
    block = BlockVersion.objects.filter(block__key=decision.show.get(slot, "")).first()
    if block is None:
        return None
    try:
        return block_for(block, customer, decision=decision, is_personal=is_personal)
    except RenderFailed:
        return None


def block_for(
    block: BlockVersion,
    customer: Customer | None,
    *,
    decision: Decision | None = None,
    is_personal: bool = True,
) -> str:
    """Render a block for a customer, or somebody unknown, with what rules decided. Raises RenderFailed."""
    said = decision or Decision()
    who = customer.pk if customer else NOBODY
    context = context_for(load_people([who]), who) | said.variables
    wanted = requested_by_block(block.compiled_html)
    if wanted:
        impersonal = () if is_personal else (who,)
        filled = fill({who: FOR_YOU}, {who: said}, shelves=wanted, impersonal=impersonal)
        context["recommendations"] = in_template(filled.shelves[who])
    return render_fragment(block.compiled_html, context)
