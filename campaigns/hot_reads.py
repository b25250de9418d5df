"""Reads that are asked for many times a second: answered without what DRF does around a view."""

from contextlib import suppress
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import ApiKeyAuthentication
from accounts.throttling import KeyThrottle
from campaigns.content import held_sql
from campaigns.contexts import absolute
from campaigns.shelves import excluded_products
from common.clock import now
from common.prepared_statements import answers
from experiments.models import Variant
from recommendations.strategies import REASONS, Source
from rules.deciding import decide, may_exclude
from rules.models import RuleSetVersion

_PRODUCT = ("id", "external_id", "name", "brand", "category", "price_minor", "currency", "url", "image_url")

# One row for each of the first available products of a stored ranking; none for whom what is known may not decide.
_READ = f"""
WITH person AS MATERIALIZED (
    SELECT coalesce(r.fresh_ids, r.product_ids) AS ranked, v.engine || ' v' || v.number AS model, c.id,
           ARRAY(
               SELECT s.live_version_id FROM rules_ruleset s WHERE s.live_version_id IS NOT NULL ORDER BY s.key
           ) AS live
    FROM customers_customer c
    JOIN recommendations_recommendation r ON r.customer_id = c.id
    JOIN recommendations_modelversion v ON v.id = r.model_version_id
    WHERE c.public_id = %(public_id)s AND c.merged_into_id IS NULL AND c.allows_profiling
      AND NOT EXISTS (SELECT FROM recommendations_externalrecommendation e WHERE e.customer_id = c.id)
      AND NOT {held_sql(Variant.Role.BASELINE)}
)
SELECT w.id, w.model, w.live, p.id, p.external_id, p.name, p.brand, coalesce(g.path, ''), p.price_minor, p.currency,
       p.url, p.image_url
FROM person w
CROSS JOIN unnest(w.ranked) WITH ORDINALITY AS n (id, place)
JOIN products_product p ON p.id = n.id AND p.is_available
LEFT JOIN products_category g ON g.id = p.category_id
ORDER BY n.place LIMIT %(k)s
"""  # noqa: S608


class HotReadView(APIView):
    """A view whose `get` takes Django's request and returns a response.

    The key, its scope and its throttle are those of every other view; whatever is refused goes DRF's own way, so that
    errors are the same.
    """

    required_scope: str
    throttle_scope: str
    _was_let_in = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer at once where all is well."""
        with suppress(APIException, Http404):
            if request.method == "GET" and self._is_let_in(request):
                return self.get(request, *args, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest | Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer."""
        raise NotImplementedError

    def get_throttles(self) -> list[BaseThrottle]:
        """Those of every view, but for a request that was counted on the short way."""
        return [] if self._was_let_in else super().get_throttles()

    def _is_let_in(self, request: HttpRequest) -> bool:
        known = ApiKeyAuthentication().authenticate(request)
        if known is None or self.required_scope not in known[1].scopes:
            return False
        self._was_let_in = KeyThrottle().allows(known[1], scope=self.throttle_scope)
        return self._was_let_in


def json_response(answer: object) -> HttpResponse:
    """The answer as JSON."""
    return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


def stored_ranking(public_id: str, *, k: int) -> dict[str, Any] | None:
    """The first `k` products of a customer's stored ranking as the API answers; in one statement, and two more where
    live rules leave out products.

    None wherever more than the ranking is needed: `campaigns.content.products_for` knows the rest.
    """
    try:
        asked = UUID(public_id)
    except ValueError:
        return None
    rows = answers(_READ, {"public_id": asked, "k": k, "now": now()})
    if len(rows) < k:
        return None
    customer, model, live, *_ = rows[0]
    versions = _versions(tuple(live))
    if may_exclude(versions):
        excluded = excluded_products(decide(versions, [customer], now=now()))[customer]
        if not excluded.isdisjoint(row[3] for row in rows):
            return None
    products = [absolute(dict(zip(_PRODUCT, row[3:], strict=True))) for row in rows]
    told = {"given_by": Source.MODEL.value, "reason": REASONS[Source.MODEL]}
    return {
        "customer": asked,
        "shortfall": "",
        "model_version": model,
        "products": [product | told for product in products],
    }


@lru_cache(maxsize=16)
def _versions(ids: tuple[int, ...]) -> list[RuleSetVersion]:
    """Versions never change, so they are read once per process."""
    found = RuleSetVersion.objects.filter(pk__in=ids).select_related("rule_set")
    return list(found.order_by("rule_set__key"))
