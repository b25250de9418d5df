"""The page on which colleagues send a campaign's mail to themselves."""

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only
from campaigns import tasks
from campaigns.before_launch_forms import TestForm
from campaigns.models import Campaign
from campaigns.test_sending import send_test
from delivery.models import Message

RECENT = 20


@shows_people("looked at test mails")
@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def test_send(request: HttpRequest, key: str) -> HttpResponse:
    """Choose as whom, which arms and to which colleagues; below, what became of the last ones."""
    campaign = get_object_or_404(Campaign.objects.select_related("sender", "experiment"), key=key)
    by = cast(User, request.user)
    form = TestForm(campaign, request.POST or None, initial={"to": [by.pk]})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        with transaction.atomic():
            dispatch = send_test(campaign, customer=data["customer"], arms=data["arms"], to=data["to"], by=by)
            transaction.on_commit(lambda: tasks.send_dispatch.delay(dispatch.pk))
        messages.success(request, "The test mails are on their way.")
        return redirect("campaigns:test_send", key)
    sent = Message.objects.filter(dispatch__in=campaign.test_sends.values("dispatch")).select_related(
        "customer"
    )
    context = {"campaign": campaign, "form": form, "sent": sent.order_by("-pk")[:RECENT]}
    return render(request, "campaigns/test_send.html", context)
