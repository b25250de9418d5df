"""Pages of campaigns: the list, a draft, a launch, the accounts."""

from typing import Any, cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from campaigns import books, tasks, writing_figures
from campaigns.field_uses import sources_in_doubt
from campaigns.forms import CampaignForm
from campaigns.launching import LaunchRefused, arm_contents, launch, obstacles
from campaigns.models import Campaign
from campaigns.quiet import keep_quiet
from campaigns.slots import choosing_products, versions_of
from campaigns.timing_views import what_happens
from common.pagination import cursor_page
from delivery.steering import steer
from experiments.models import Variant


@require_safe
def campaign_list(request: HttpRequest) -> HttpResponse:
    """All campaigns, newest first; occurrences of a series are on its own page."""
    campaigns = Campaign.objects.filter(parent=None).select_related("segment", "dispatch").with_progress()
    page = cursor_page(campaigns, cursor=request.GET.get("cursor", ""))
    return render(request, "campaigns/list.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def campaign_new(request: HttpRequest) -> HttpResponse:
    """Write a draft."""
    form = CampaignForm(request.POST or None)
    if form.is_valid():
        campaign = form.save(by=cast(User, request.user))
        return redirect("campaigns:detail", campaign.key)
    return render(request, "campaigns/new.html", {"form": form})


@require_safe
def campaign_detail(request: HttpRequest, key: str) -> HttpResponse:
    """A draft with what stands in its way, or a launched campaign with its accounts."""
    campaign = get_object_or_404(
        Campaign.objects.select_related(
            "segment", "experiment", "sender", "dispatch", "parent", "scheduled_by"
        ),
        key=key,
    )
    versions = versions_of(campaign)
    context: dict[str, Any] = {
        "campaign": campaign,
        "contents": [
            (content, choosing_products(content, versions)) for content in arm_contents(campaign).values()
        ],
        "unmailed": campaign.experiment.variants.filter(
            role__in=[Variant.Role.NO_MAIL, Variant.Role.REMAINDER]
        ),
    }
    context |= _when(campaign, cursor=request.GET.get("cursor", ""))
    if campaign.state in Campaign.UNFROZEN:
        context["obstacles"] = obstacles(campaign)
        in_doubt = sources_in_doubt(campaign)
        context["doubted"] = [one for one in in_doubt if one.light == "red"]
        context["worth_a_look"] = [one for one in in_doubt if one.light == "amber"]
    elif campaign.dispatch is not None:
        context["accounts"] = books.reconcile(campaign)
        context["writing"] = writing_figures.sentences(campaign)
    template = (
        "campaigns/detail.html#accounts" if request.headers.get("HX-Request") else "campaigns/detail.html"
    )
    return render(request, template, context)


def _when(campaign: Campaign, *, cursor: str) -> dict[str, Any]:
    """What the page says about time."""
    occurrences = None
    if campaign.is_series:
        children = campaign.occurrences.select_related("dispatch").with_progress()
        occurrences = cursor_page(children, cursor=cursor, size=20)
    return {
        "is_unfrozen": campaign.state in Campaign.UNFROZEN,
        "is_planned": campaign.send_on is not None,
        "has_plan": not campaign.timing().is_alike,
        "sentences": what_happens(campaign),
        "occurrences": occurrences,
    }


@require_POST
@requires(Permission.LAUNCH)
def campaign_launch(request: HttpRequest, key: str) -> HttpResponse:
    """Launch, once; what stands in the way is said on the page."""
    campaign = get_object_or_404(Campaign, key=key)
    try:
        launched = launch(
            campaign.pk,
            by=cast(User, request.user),
            despite_data_health=request.POST.get("despite_data_health") == "yes",
        )
    except LaunchRefused as refused:
        for reason in refused.reasons:
            messages.error(request, reason)
    else:
        transaction.on_commit(lambda: tasks.send_dispatch.delay(launched.dispatch_id))
        messages.success(request, f"Launched: {launched.audience:,} people in the snapshot.")
    return redirect("campaigns:detail", key)


@require_POST
@editors_only
def campaign_steer(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Pause, resume or cancel the sending. Cancelled is final."""
    campaign = get_object_or_404(Campaign.objects.exclude(dispatch=None), key=key)
    dispatch_id = cast(int, campaign.dispatch_id)
    if act == "resume":
        keep_quiet(campaign)
    if steer(dispatch_id, act):
        transaction.on_commit(lambda: tasks.send_dispatch.delay(dispatch_id))
        messages.success(request, f"Done: {act}.")
    else:
        messages.error(request, "The campaign was cancelled; that is final.")
    return redirect("campaigns:detail", key)
