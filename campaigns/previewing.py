"""A template version as one customer would get it: the same renderer, no message, links as they stand."""

from typing import Any

from django.conf import settings

from campaigns.contexts import absolute_product, context_for, load_people
from campaigns.models import Block, TemplateVersion
from campaigns.publishing import compiled_of
from campaigns.templating.compile import requested_recommendations
from campaigns.templating.render import Rendered, render
from common.clock import now
from recommendations.serving import recommend
from rules.deciding import decide
from rules.models import RuleSet, RuleSetVersion


def preview(version: TemplateVersion, *, customer_id: int | None, strategy: str = "for_you") -> Rendered:
    """Render a version for a customer, or for somebody of whom nothing is known. Raises RenderFailed."""
    compiled = compiled_of(version.pk)
    context: dict[str, Any] = {} if customer_id is None else _personal(customer_id)
    wanted = max(requested_recommendations(compiled).values(), default=1)
    if customer_id is not None:
        served = recommend([customer_id], k=wanted, strategy=strategy)[customer_id]
        context["recommendations"] = [absolute_product(product) for product in served.products]
    context["sender"] = {"name": "Regards", "postal_address": settings.POSTAL_ADDRESS}
    context["campaign"] = {"name": "Preview"}
    context["unsubscribe_url"] = context["preferences_url"] = settings.BASE_URL + "/"
    return render(compiled, context)


def _personal(customer_id: int) -> dict[str, Any]:
    """The customer's data and what today's live rules decide about them."""
    context = context_for(load_people([customer_id]), customer_id)
    live = RuleSetVersion.objects.filter(
        pk__in=RuleSet.objects.exclude(live_version=None).values("live_version")
    ).select_related("rule_set")
    decision = decide(list(live), [customer_id], now=now()).get(customer_id)
    if decision is not None:
        blocks = dict(Block.objects.values_list("key", "compiled_html"))
        context["slots"] = {slot: blocks[key] for slot, key in decision.show.items() if key in blocks}
        context |= decision.variables
    return context
