"""The messages of which nobody knows whether they arrived, and a colleague's decision to send one again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import shows_people
from accounts.permissions import requires
from accounts.roles import Permission
from common.pagination import cursor_page
from delivery import reconciling
from delivery.models import Message, WebhookReceipt


@shows_people("looked at messages whose fate is unknown")
@require_safe
def unknown(request: HttpRequest) -> HttpResponse:
    """List unknown messages, newest first."""
    found = Message.objects.filter(state=Message.State.UNKNOWN).select_related("customer", "dispatch__sender")
    page = cursor_page(found.defer("raw"), cursor=request.GET.get("cursor", ""))
    return render(request, "delivery/unknown.html", {"page": page})


@shows_people("looked at reports about mail that nobody knows")
@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """List reports whose mail is not known, newest first."""
    found = WebhookReceipt.objects.exclude(state=WebhookReceipt.State.LINKED).defer("raw")
    page = cursor_page(found, cursor=request.GET.get("cursor", ""))
    return render(request, "delivery/unknown_reports.html", {"page": page})


@requires(Permission.LAUNCH)
@require_POST
def send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue one once more: the customer may get it twice, which is why somebody decides."""
    get_object_or_404(Message, pk=pk)
    if reconciling.send_again(pk):
        messages.success(request, "The mail is written anew and sent again.")
    else:
        messages.error(
            request, "It is not sent again: what became of it is known by now, or its campaign was cancelled."
        )
    return redirect("delivery:unknown")
