"""The page of one message: the mail as it was sent, made again from what is kept of it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.audit import shows_people
from campaigns.letters import without_pixel
from campaigns.open_time import places
from campaigns.showing import CannotBeShown, show_again
from campaigns.template_views import PREVIEW_POLICY
from delivery.mailbox import read_mail
from delivery.models import Message


@shows_people("looked at a mail as it was sent")
@require_safe
def message_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One mail as it was sent: what its reader saw, its headers, its plain text, what went into it."""
    message = get_object_or_404(Message.objects.select_related("customer", "dispatch"), pk=pk)
    context = {"message": message, "resolved": message.resolved or {}}
    try:
        shown = show_again(message)
        context |= {"mail": read_mail(shown.raw), "is_identical": shown.is_identical}
    except CannotBeShown as reason:
        context["obstacle"] = str(reason)
    return render(request, "campaigns/message.html", context)


@shows_people("looked at a mail as it was sent")
@require_safe
@xframe_options_sameorigin
def message_html(request: HttpRequest, pk: int) -> HttpResponse:
    """Serve the HTML by itself, sandboxed, for the frame of the page above; a colleague's look is no opening."""
    try:
        html = read_mail(show_again(get_object_or_404(Message, pk=pk)).raw).html
    except CannotBeShown as reason:
        raise Http404(str(reason)) from None
    response = HttpResponse(without_pixel(places.for_colleagues(html, pk)))
    response["Content-Security-Policy"] = PREVIEW_POLICY
    return response
