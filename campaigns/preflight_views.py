"""The page of a campaign's preflight: begin it, watch it, read what it found."""

from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only
from campaigns import preflighting, preflights, tasks
from campaigns.launching import arm_contents
from campaigns.models import Campaign, PreflightFinding, PreflightRun


@shows_people("looked at a preflight")
@require_safe
def preflight(request: HttpRequest, key: str) -> HttpResponse:
    """How far the newest preflight is, and what it found: worst first, with examples."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment", "experiment", "sender"), key=key)
    run = preflights.latest(campaign)
    findings = _with_previews(campaign, _worst_first(run)) if run else []
    context = {
        "campaign": campaign,
        "run": run,
        "is_running": run is not None and run.state == PreflightRun.State.RUNNING,
        "is_stale": run is not None and campaign.dispatch_id is None and preflights.is_stale(run, campaign),
        "findings": findings,
        "blocking": any(finding.is_blocking for finding in findings),
    }
    return render(request, "campaigns/preflight.html", context)


@require_safe
def preflight_progress(request: HttpRequest, key: str) -> HttpResponse:
    """The bar by itself; once the run has ended the page is loaded anew."""
    campaign = get_object_or_404(Campaign, key=key)
    run = campaign.preflights.first()
    if run is None:
        raise Http404("No preflight was ever begun.")
    response = render(request, "campaigns/preflight_progress.html", {"campaign": campaign, "run": run})
    if run.state != PreflightRun.State.RUNNING:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@editors_only
def preflight_act(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Begin a preflight, or cancel the one under way."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment", "experiment", "sender"), key=key)
    if act == "cancel":
        if not preflighting.cancel(campaign):
            messages.info(request, "No preflight is under way.")
    elif campaign.dispatch_id is not None:
        messages.error(request, "This campaign has been launched; there is nothing left to check before it.")
    else:
        run = preflighting.begin(campaign, by=cast(User, request.user))
        transaction.on_commit(lambda: tasks.advance_preflight.delay(run.pk))
    return redirect("campaigns:preflight", key)


def _with_previews(campaign: Campaign, findings: list[PreflightFinding]) -> list[PreflightFinding]:
    """Let each example know the name of its arm, and where its mail can be looked at."""
    arms = arm_contents(campaign)
    for example in (example for finding in findings for example in finding.examples.all()):
        content, email = arms.get(example.variant_key), example.customer.email
        example.arm = content.variant.name if content is not None else example.variant_key  # type: ignore[attr-defined]
        if content is not None and email:
            version = content.template_version
            query = urlencode({"version": version.number, "customer": email})
            example.preview_url = f"{reverse('campaigns:template', args=[version.template.key])}?{query}"  # type: ignore[attr-defined]
    return findings


def _worst_first(run: PreflightRun) -> list[PreflightFinding]:
    order = {kind: place for place, kind in enumerate(PreflightFinding.Kind.values)}
    findings = run.findings.prefetch_related("examples__customer")
    return sorted(findings, key=lambda one: (order[one.kind], -one.count, one.about))
