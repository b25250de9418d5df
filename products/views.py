"""The page of stores, with what is on there."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from common.clock import now
from common.pagination import cursor_page
from products.models import Promotion, Store

MOST_PROMOTIONS = 20


@require_safe
def store_list(request: HttpRequest) -> HttpResponse:
    """Stores, newest first; `q` finds by name, id, city, region or country. Beside them what runs and will run."""
    query = request.GET.get("q", "").strip()[:100].replace("\0", "")
    moment = now()
    promotions = Promotion.objects.filter(Q(ends_at=None) | Q(ends_at__gt=moment)).prefetch_related("stores")
    context = {
        "page": cursor_page(_found(query), cursor=request.GET.get("cursor", "")),
        "query": query,
        "promotions": promotions[:MOST_PROMOTIONS],
        "now": moment,
    }
    return render(request, "products/stores.html", context)


def _found(query: str) -> QuerySet[Store]:
    if not query:
        return Store.objects.all()
    names = ("name", "external_id", "city", "region")
    wanted = Q(country=query.upper())
    for name in names:
        wanted |= Q(**{f"{name}__icontains": query})
    return Store.objects.filter(wanted)
