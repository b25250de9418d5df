"""Why somebody is in a segment, or not."""

from typing import cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.models import User
from customers.models import Customer
from segments.models import Segment
from segments.reasons import reasons

RECENT = 20


@require_safe
def why(request: HttpRequest, key: str, public_id: UUID) -> HttpResponse:
    """Which parts of the condition one customer fits, with the facts, beside what is stored."""
    segment = get_object_or_404(Segment.objects.select_related("parent"), key=key)
    customer = Customer.objects.named(public_id)
    if customer is None:
        raise Http404("There is no customer with this id.")
    if customer.public_id != public_id:
        return redirect("segments:why", key, customer.public_id)
    audit.record(cast(User, request.user), "looked why somebody fits", customer, detail=segment.key)
    stored = segment.memberships.filter(customer=customer).first()
    changes = segment.changes.filter(customer=customer).order_by("-pk")[:RECENT]
    found = reasons(segment, customer)
    context = {
        "segment": segment,
        "customer": customer,
        "membership": stored,
        "changes": changes,
        "problem": found.problem,
        "explanation": found.explanation,
        "at": found.at,
    }
    return render(request, "segments/why.html", context)
