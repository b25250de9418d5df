"""Home and a customer's profile."""

from typing import cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.models import User
from customers.models import Customer
from reports.customer_profile import customer_profile
from reports.overview import overview


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is going on: customers, orders, the biggest segments and the last campaigns."""
    return render(request, "reports/home.html", {"overview": overview()})


@require_safe
def customer(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One customer: who it is, what was allowed, done, sent and recommended. Old ids lead to the survivor."""
    found = Customer.objects.select_related("facts", "nearest_store").named(public_id)
    if found is None:
        raise Http404("There is no customer with this id.")
    if found.public_id != public_id:
        return redirect("reports:customer", found.public_id)
    audit.record(cast(User, request.user), "looked at a profile", found)
    return render(request, "reports/customer.html", {"profile": customer_profile(found)})
