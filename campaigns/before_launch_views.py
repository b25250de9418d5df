"""Pages beside a campaign: its UTM parameters, and a copy of it."""

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.permissions import editors_only
from campaigns import scheduling
from campaigns.before_launch_forms import CloneForm, TagsForm
from campaigns.cloning import clone
from campaigns.models import Campaign, CampaignTags
from campaigns.tagging import NO_TAGS, own_domains, tagged, tags_of

LAUNCHED = "This campaign has been launched; it stays as it is. Clone it to send something else."


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
@transaction.atomic
def tags(request: HttpRequest, key: str) -> HttpResponse:
    """Which parameters the campaign's links into the shop carry, with an example."""
    campaign = get_object_or_404(
        Campaign.objects.select_related("sender").select_for_update(of=("self",)), key=key
    )
    form, by = TagsForm.of(campaign, request.POST or None), cast(User, request.user)
    may_change = scheduling.may_change(campaign, by=by)
    if request.method == "POST":
        if campaign.dispatch_id is not None or not may_change:
            messages.error(request, LAUNCHED if campaign.dispatch_id else scheduling.ON_SCHEDULE)
            return redirect("campaigns:tags", key)
        if "remove" in request.POST:
            CampaignTags.objects.filter(campaign=campaign).delete()
            messages.success(request, "Links are left as they are.")
            return redirect("campaigns:detail", key)
        if form.is_valid():
            form.instance.edited_by = by
            form.save()
            messages.success(request, "Kept. Links into the shop carry these parameters from now on.")
            return redirect("campaigns:detail", key)
    domains, stored = sorted(own_domains(campaign)), tags_of(campaign)
    example = tagged(f"https://{domains[0]}/offer?size=m#top", stored) if stored != NO_TAGS else ""
    context = {"campaign": campaign, "form": form, "domains": domains, "example": example}
    return render(request, "campaigns/tags.html", context | {"may_change": may_change})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def campaign_clone(request: HttpRequest, key: str) -> HttpResponse:
    """Make a draft like this campaign."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment", "experiment", "sender"), key=key)
    form = CloneForm(request.POST or None, initial={"name": f"{campaign.name} again"[:150]})
    if request.method == "POST" and campaign.segment.archived_at is not None:
        form.add_error(None, f"The segment “{campaign.segment.name}” is archived; restore it first.")
    elif request.method == "POST" and form.is_valid():
        draft = clone(campaign, by=cast(User, request.user), **form.cleaned_data)
        messages.success(request, f"This is a draft like “{campaign.name}”.")
        return redirect("campaigns:detail", draft.key)
    return render(request, "campaigns/clone.html", {"campaign": campaign, "form": form})
