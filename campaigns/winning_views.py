"""A person's word on what those get who wait for the winner."""

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.permissions import requires
from accounts.roles import Permission
from campaigns import tasks, winning
from campaigns.models import Campaign

NOBODY = "nobody"


@require_POST
@requires(Permission.LAUNCH)
def remainder_decide(request: HttpRequest, key: str) -> HttpResponse:
    """Send an arm's mail to those who wait, or none; it is kept that a person said so, and before or after the test."""
    campaign = get_object_or_404(
        Campaign.objects.exclude(dispatch=None).select_related("experiment"), key=key
    )
    by, dispatch_id = cast(User, request.user), cast(int, campaign.dispatch_id)
    chosen = request.POST.get("variant", "")
    when = "after" if campaign.experiment.decided_at else "before"
    why = f"{by} decided by hand, {when} the test had a verdict."
    try:
        is_done = winning.release(
            campaign, variant_key="" if chosen == NOBODY else _named(chosen), why=why, by=by
        )
    except ValueError:
        messages.error(request, "Choose one of the arms.")
    else:
        if is_done:
            transaction.on_commit(lambda: tasks.send_dispatch.delay(dispatch_id))
            messages.success(
                request, "Done. The mails go out at their usual hour." if chosen != NOBODY else "Done."
            )
        else:
            messages.error(request, winning.obstacle_of(campaign) or "That has been decided already.")
    return redirect("reports:experiment", campaign.experiment.key)


def _named(chosen: str) -> str:
    """The arm's key; nothing chosen names no arm, and must not read as “no mail”."""
    if not chosen:
        raise ValueError("variant must be chosen")
    return chosen
