"""The addresses inside a mail (no login: the signed token is the permission) and the local mailbox."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import shows_people
from common import tokens
from common.pagination import cursor_page
from customers.aliases import current
from customers.models import Customer
from delivery import tracking
from delivery.forms import PreferencesForm
from delivery.mailbox import read_mail
from delivery.models import MailboxMessage, Message

_MAIL_POLICY = (
    f"default-src 'none'; img-src 'self' data: https: {settings.BASE_URL}; style-src 'unsafe-inline'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
)


def _message_of(purpose: str, token: str) -> Message:
    """Return the message that a token names; 404 for a token that is not ours."""
    try:
        return Message.objects.select_related("customer").get(pk=tokens.read(purpose, token))
    except (tokens.BadToken, Message.DoesNotExist):
        raise Http404("This link is not one of ours, or is damaged.") from None


@csrf_exempt  # RFC 8058: the mailbox provider posts without a cookie; the token is the permission
@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask first (GET changes nothing), then withdraw consent (POST, also RFC 8058's one click)."""
    message = _message_of(tracking.PURPOSE_UNSUBSCRIBE, token)
    is_done = request.method == "POST"
    if is_done:
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        tracking.unsubscribe(message, source="one-click unsubscribe" if one_click else "unsubscribe page")
        tracking.heed_privacy_signal(message.customer_id, request)
    preferences_token = tokens.sign(tracking.PURPOSE_PREFERENCES, message.pk)
    context = {"message": message, "is_done": is_done, "preferences_token": preferences_token}
    return render(request, "delivery/unsubscribe.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """What the reader of a mail allows, purpose by purpose, to be changed without a login."""
    message = _message_of(tracking.PURPOSE_PREFERENCES, token)
    customer = Customer.objects.get(pk=current(message.customer_id))
    is_former_address = bool(message.recipient) and message.recipient != customer.email
    form = PreferencesForm(
        request.POST if request.method == "POST" else None,
        customer=customer,
        is_former_address=is_former_address,
    )
    is_saved = form.is_valid()
    if is_saved:
        form.save(proof=f"message {message.pk}")
        tracking.heed_privacy_signal(message.customer_id, request)
    return render(
        request,
        "delivery/preferences.html",
        {"form": form, "is_saved": is_saved, "is_former_address": is_former_address},
    )


@shows_people("looked at the mailbox")
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """List what the local mailbox holds, newest first; `q` finds by recipient or subject."""
    mails = MailboxMessage.objects.defer("raw")
    query = request.GET.get("q", "").replace("\0", "").strip()[:320]
    if query:
        mails = mails.filter(recipient__startswith=query.lower()) | mails.filter(subject__icontains=query)
    page = cursor_page(mails, cursor=request.GET.get("cursor", ""))
    return render(request, "delivery/mailbox.html", {"page": page, "query": query})


@shows_people("looked at a mail")
@require_safe
def mailbox_message(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one mail: headers, the mail as its reader sees it, its plain text, and what happened to it."""
    stored = get_object_or_404(MailboxMessage, pk=pk)
    message = Message.objects.filter(provider_id=stored.key).select_related("customer", "dispatch").first()
    return render(
        request,
        "delivery/mailbox_message.html",
        {"stored": stored, "mail": read_mail(bytes(stored.raw)), "message": message},
    )


@shows_people("looked at a mail")
@require_safe
@xframe_options_sameorigin
def mailbox_html(request: HttpRequest, pk: int) -> HttpResponse:
    """Serve the HTML of a mail by itself, sandboxed, under its own policy, for the frame of the page above."""
    stored = get_object_or_404(MailboxMessage, pk=pk)
    response = HttpResponse(read_mail(bytes(stored.raw)).html)
    response["Content-Security-Policy"] = _MAIL_POLICY
    return response
