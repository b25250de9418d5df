"""Why somebody is in a segment, or not."""

from typing import cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.models import User
from common.clock import now
from customers.models import Customer
from segments import membership
from segments.conditions import ConditionError, needs
from segments.evaluator import Explanation, explain, load_profiles
from segments.models import Segment

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
    context = {"segment": segment, "customer": customer, "membership": stored, "changes": changes}
    return render(request, "segments/why.html", context | _explained(segment, customer))


def _explained(segment: Segment, customer: Customer) -> dict[str, object]:
    at = segment.as_of or now()
    try:
        condition = membership.condition_of(segment)
    except ConditionError as error:
        return {"problem": f"The condition of this segment cannot be read: {error}"}
    profile = load_profiles([customer.pk], needs(condition), now=at).get(customer.pk)
    if profile is None:
        return {"problem": "This is an anonymous visitor; segments hold known customers."}
    explanation = explain(condition, profile, now=at)
    return {"explanation": _with_list(segment, customer, explanation), "at": at}


def _with_list(segment: Segment, customer: Customer, rest: Explanation) -> Explanation:
    """Of a fixed list: whether the customer is on it, and, where it is part of another segment, in that."""
    if not segment.is_static:
        return rest
    line = segment.listed.filter(customer=customer).first()
    facts = f"added {line.added_at:%-d %B %Y %H:%M} UTC" if line else "not on it"
    part = Explanation("Is on the list", line is not None, facts)
    if segment.parent is None:
        return part
    return Explanation("All of these", part.holds and rest.holds, "", (part, rest))
