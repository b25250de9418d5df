"""The page of a campaign's pilot: planned before the launch, watched and decided after it."""

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from campaigns import piloting, scheduling, tasks
from campaigns.before_launch_forms import PilotForm
from campaigns.before_launch_views import LAUNCHED
from campaigns.models import Campaign, Pilot
from delivery.models import Message


@require_http_methods(["GET", "HEAD"])
def pilot(request: HttpRequest, key: str) -> HttpResponse:
    """What is planned, or how the pilot does against its limits."""
    campaign = get_object_or_404(Campaign.objects.select_related("dispatch"), key=key)
    planned = Pilot.objects.select_related("segment", "decided_by").filter(campaign=campaign).first()
    context: dict[str, object] = {"campaign": campaign, "pilot": planned, "form": PilotForm.of(campaign)}
    context["may_change"] = scheduling.may_change(campaign, by=cast(User, request.user))
    if planned is not None and campaign.dispatch is not None:
        context |= _standing(planned, campaign)
    return render(request, "campaigns/pilot.html", context)


def _standing(pilot: Pilot, campaign: Campaign) -> dict[str, object]:
    assert campaign.dispatch is not None
    figures = piloting.figures_of(campaign.dispatch.pk)
    return {
        "figures": figures,
        "guardrails": piloting.guardrails(pilot, figures),
        "judged_at": piloting.judged_at(pilot, figures),
        "held": campaign.dispatch.messages.filter(state=Message.State.HELD).count(),
        "is_undecided": pilot.state in Pilot.UNDECIDED and campaign.dispatch.state != "cancelled",
    }


@require_POST
@editors_only
@transaction.atomic
def pilot_plan(request: HttpRequest, key: str) -> HttpResponse:
    """Keep the plan, or take it away; before the launch only."""
    campaign, by = get_object_or_404(Campaign.objects.select_for_update(), key=key), cast(User, request.user)
    form = PilotForm.of(campaign, request.POST)
    if campaign.dispatch_id is not None:
        messages.error(request, LAUNCHED)
    elif not scheduling.may_change(campaign, by=by):
        messages.error(request, scheduling.ON_SCHEDULE)
    elif "remove" in request.POST:
        Pilot.objects.filter(campaign=campaign).delete()
        messages.success(request, "There is no pilot: the launch goes to everybody at once.")
    elif form.is_valid():
        form.instance.edited_by = by
        form.save()
        messages.success(request, "Kept. The launch goes to the pilot first.")
    else:
        context = {"campaign": campaign, "pilot": None, "form": form, "may_change": True}
        return render(request, "campaigns/pilot.html", context)
    return redirect("campaigns:pilot", key)


@require_POST
@requires(Permission.LAUNCH)
def pilot_decide(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Let the rest go, or let nobody else get the mail."""
    campaign = get_object_or_404(Campaign.objects.exclude(dispatch=None), key=key)
    by, dispatch_id = cast(User, request.user), cast(int, campaign.dispatch_id)
    if act == "continue" and piloting.go_on(campaign, by=by):
        transaction.on_commit(lambda: tasks.send_dispatch.delay(dispatch_id))
        messages.success(request, "Released: everybody else gets the mail now.")
    elif act == "stop" and piloting.stop(campaign, by=by):
        messages.success(request, "Stopped: nobody else gets the mail.")
    else:
        messages.error(request, "This pilot has been decided already.")
    return redirect("campaigns:pilot", key)
