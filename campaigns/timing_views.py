"""Pages of when: a campaign's time, the schedule, what is planned for whom, and caps over all mail."""

from typing import cast

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from campaigns import planning, scheduling
from campaigns.launching import LaunchRefused
from campaigns.models import Campaign, ContactCap
from campaigns.timing import in_utc
from campaigns.timing_forms import ContactCapForm, TimingForm
from campaigns.timing_words import Repetition, sentences
from common.clock import now

MOST_LINES = 100


def what_happens(campaign: Campaign) -> list[str]:
    """Say what a campaign's timing means."""
    repetition = Repetition(repeats=campaign.repeats, until=campaign.repeats_until)
    return sentences(campaign.timing(), repetition, at=now())


@require_safe
def timing_sentences(request: HttpRequest) -> HttpResponse:
    """What the fields of an open form would mean; part of a page."""
    form = TimingForm(request.GET)
    said = what_happens(Campaign(**form.values())) if form.is_valid() else []
    return render(request, "campaigns/timing_sentences.html", {"sentences": said})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def campaign_timing(request: HttpRequest, key: str) -> HttpResponse:
    """Plan a campaign that is not launched yet."""
    campaign = get_object_or_404(Campaign, key=key, state__in=Campaign.UNFROZEN)
    form = TimingForm.of(campaign, request.POST or None)
    if form.is_valid():
        try:
            scheduling.replan(campaign.pk, form.values(), by=cast(User, request.user))
        except LaunchRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Planned.")
            return redirect("campaigns:detail", key)
    return render(request, "campaigns/timing.html", {"campaign": campaign, "form": form})


@require_safe
def campaign_plan(request: HttpRequest, key: str) -> HttpResponse:
    """Who is mailed when: before the launch by zone or hour, after it by the hour; part of a page."""
    campaign = get_object_or_404(Campaign, key=key)
    context: dict[str, object] = {"campaign": campaign}
    if campaign.launched_at is not None:
        context["hours"] = planning.planned(campaign)
    else:
        lines = planning.lines(campaign, at=campaign.launch_at or now())
        context |= {"lines": lines[:MOST_LINES], "more": max(0, len(lines) - MOST_LINES)}
    return render(request, "campaigns/plan.html", context)


@require_POST
@requires(Permission.LAUNCH)
def campaign_schedule(request: HttpRequest, key: str) -> HttpResponse:
    """Let a campaign launch itself at its time; what stands in the way is said on the page."""
    campaign = get_object_or_404(Campaign, key=key)
    try:
        at = scheduling.schedule(campaign.pk, by=cast(User, request.user))
    except LaunchRefused as refused:
        for reason in refused.reasons:
            messages.error(request, reason)
    else:
        messages.success(request, f"On the schedule: it launches itself at {in_utc(at)}.")
    return redirect("campaigns:detail", key)


@require_POST
@editors_only
def campaign_unschedule(request: HttpRequest, key: str) -> HttpResponse:
    """Take a campaign off the schedule."""
    campaign = get_object_or_404(Campaign, key=key)
    if scheduling.unschedule(campaign.pk):
        messages.success(
            request, "Off the schedule. Nothing is sent until somebody schedules or launches it."
        )
    else:
        messages.error(request, "It is not on the schedule; it may have been launched just now.")
    return redirect("campaigns:detail", key)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def limits(request: HttpRequest) -> HttpResponse:
    """The caps over all mail; one is added here."""
    form = ContactCapForm(request.POST or None)
    if form.is_valid():
        try:
            with transaction.atomic():
                form.save()
        except IntegrityError:
            form.add_error(None, "There is a cap for these days and this topic already: remove it first.")
        else:
            messages.success(request, "It holds from the next launch on, and for mails that wait.")
            return redirect("campaigns:limits")
    return render(request, "campaigns/limits.html", {"caps": ContactCap.objects.all(), "form": form})


@require_POST
@editors_only
def limit_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a cap."""
    ContactCap.objects.filter(pk=pk).delete()
    messages.success(request, "Removed.")
    return redirect("campaigns:limits")
