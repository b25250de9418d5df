"""People's rights, for administrators: the log of requests, and what can be done for one customer."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import administrators_only
from common.clock import now
from common.pagination import cursor_page
from customers import consent, privacy_requests, retention
from customers.erasure import AlreadyErased, erase
from customers.export import as_json, as_zip, export_person
from customers.forms import ErasureForm, PrivacyRequestForm
from customers.models import Customer, ErasureReceipt, PrivacyRequest, Purpose

SOURCE = "entered by an administrator"
EXPORTS = {"json": (as_json, "application/json"), "zip": (as_zip, "application/zip")}


@shows_people("looked at privacy requests")
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def privacy(request: HttpRequest) -> HttpResponse:
    """All requests, newest first, those overdue above; a form for a new one; what is kept for how long."""
    form = PrivacyRequestForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        made = privacy_requests.log_request(source=SOURCE, **form.request_data)
        messages.success(request, f"Logged; the answer is due on {made.due_at:%d %B %Y}.")
        return redirect("customers:privacy")
    requests = PrivacyRequest.objects.select_related("customer", "closed_by")
    context = {
        "page": cursor_page(requests, cursor=request.GET.get("cursor", ""), size=20),
        "overdue": privacy_requests.overdue()[:20],
        "form": form,
        "now": now(),
        "retention": retention.schedule(),
        "receipts": ErasureReceipt.objects.select_related("asked_by").order_by("-erased_at")[:10],
    }
    return render(request, "customers/privacy.html", context, status=400 if form.errors else 200)


@require_POST
@administrators_only
def privacy_request_close(request: HttpRequest, pk: int, state: str) -> HttpResponse:
    """Settle a request, once."""
    if privacy_requests.close(pk, state=state, by=cast(User, request.user)):
        messages.success(request, "Settled.")
    else:
        messages.error(request, "This request was settled before, or is not there.")
    return redirect("customers:privacy")


@require_safe
@administrators_only
def person(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What a customer allowed and asked for, with everything that can be done about it."""
    customer = get_object_or_404(Customer, public_id=public_id)
    audit.record(cast(User, request.user), "looked at a person's rights", customer)
    held = consent.answers(customer)
    context = {
        "customer": customer,
        "held": [(purpose, held[purpose]) for purpose in Purpose],
        "records": customer.consent_records.select_related("text").order_by("-at", "-pk")[:50],
        "requests": customer.privacy_requests.order_by("-received_at")[:20],
        "form": ErasureForm(),
    }
    return render(request, "customers/rights.html", context)


@require_safe
@administrators_only
def person_export(request: HttpRequest, public_id: UUID, form: str) -> HttpResponse:
    """Everything known about a customer, as JSON or as a zip of CSV files."""
    customer = get_object_or_404(Customer, public_id=public_id)
    audit.record(cast(User, request.user), "exported a person", customer, detail=form)
    write, content_type = EXPORTS[form]
    name = f"person-{str(public_id)[:8]}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(write(export_person(customer)), content_type=content_type, headers=headers)


@require_POST
@administrators_only
def person_choice(request: HttpRequest, public_id: UUID, act: str) -> HttpResponse:
    """Take down what a customer said by letter or telephone: an objection, or that their data may not be sold."""
    customer = get_object_or_404(Customer, public_id=public_id, erased_at=None)
    by = f"written down by user {request.user.pk}"
    if act == "do-not-sell":
        privacy_requests.opt_out_of_sale([customer.pk], source=SOURCE)
    elif act == "allow-sale":
        privacy_requests.allow_sale(customer.pk)
    else:
        purpose = Purpose.PROFILING if act == "no-profiling" else Purpose.MARKETING_EMAIL
        consent.withdraw([customer.pk], purpose, source=SOURCE, proof=by)
    messages.success(request, "It holds from now on.")
    return redirect("customers:rights", public_id)


@require_POST
@administrators_only
def person_erase(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Erase a customer, once, and show the receipt. The act is noted by the receipt: the address names the person."""
    request.is_audited = True  # type: ignore[attr-defined]
    customer = get_object_or_404(Customer, public_id=public_id, erased_at=None)
    form = ErasureForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was erased: type ERASE and choose the reason.")
        return redirect("customers:rights", public_id)
    try:
        receipt = erase(customer.pk, by=cast(User, request.user), reason=form.cleaned_data["reason"])
    except AlreadyErased:
        messages.error(request, "This person was erased already.")
    else:
        messages.success(request, f"Erased. The receipt is {receipt.pk}.")
    return redirect("customers:privacy")
