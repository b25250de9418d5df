"""The list of customers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.audit import shows_people
from customers.browsing import countries, customer_page


@shows_people("looked at the customers")
@require_safe
def customer_list(request: HttpRequest) -> HttpResponse:
    """Known customers, newest first; `q` finds by the beginning of an address or an exact id."""
    query = request.GET.get("q", "").strip()[:320].replace("\0", "")
    country = request.GET.get("country", "")[:2].upper().replace("\0", "")
    context = {
        "page": customer_page(query, country=country, cursor=request.GET.get("cursor", "")),
        "query": query,
        "country": country,
        "countries": countries(),
    }
    return render(request, "customers/list.html", context)
