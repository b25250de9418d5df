"""Pages that answer "why did they (not) get this?"."""

from typing import cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.models import User
from campaigns.explaining import tell
from campaigns.models import Campaign, Recipient
from common.pagination import cursor_page
from customers.models import Customer
from delivery.models import Message
from segments.finding import find_customer


@require_safe
def why_ask(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for a customer by address or id (`?customer=`), and go on to their story."""
    campaign = get_object_or_404(Campaign, key=key)
    asked = request.GET.get("customer", "").strip()[:320]
    customer = find_customer(asked) if asked else None
    if customer is not None:
        return redirect("campaigns:why", key, customer.public_id)
    context = {"campaign": campaign, "asked": asked, "is_unknown": bool(asked)}
    return render(request, "campaigns/why_ask.html", context)


@require_safe
def why(request: HttpRequest, key: str, public_id: UUID) -> HttpResponse:
    """The whole chain for one customer and one campaign. Ids of merged profiles lead to the survivor."""
    campaigns = Campaign.objects.select_related("segment__parent", "experiment", "sender", "dispatch")
    campaign = get_object_or_404(campaigns, key=key)
    customer = _customer(public_id)
    if customer.public_id != public_id:
        return redirect("campaigns:why", key, customer.public_id)
    audit.record(cast(User, request.user), "looked why a mail was sent or not", customer, detail=campaign.key)
    context = {"campaign": campaign, "customer": customer, "story": tell(campaign, customer)}
    return render(request, "campaigns/why.html", context)


@require_safe
def why_of_customer(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Every campaign, newest first, with what it was to one customer in a word."""
    customer = _customer(public_id)
    if customer.public_id != public_id:
        return redirect("campaigns:why_of_customer", customer.public_id)
    audit.record(cast(User, request.user), "looked which campaigns somebody got", customer)
    page = cursor_page(Campaign.objects.select_related("segment"), cursor=request.GET.get("cursor", ""))
    recipients = {
        one.campaign_id: one for one in Recipient.objects.filter(customer=customer, campaign__in=page.rows)
    }
    dispatches = [campaign.dispatch_id for campaign in page.rows]
    messages = {
        one.dispatch_id: one for one in Message.objects.filter(customer=customer, dispatch__in=dispatches)
    }
    rows = [
        (campaign, recipients.get(campaign.pk), messages.get(campaign.dispatch_id or 0))
        for campaign in page.rows
    ]
    return render(
        request, "campaigns/why_of_customer.html", {"customer": customer, "page": page, "rows": rows}
    )


def _customer(public_id: UUID) -> Customer:
    customer = Customer.objects.named(public_id)
    if customer is None:
        raise Http404("There is no customer with this id.")
    return customer
