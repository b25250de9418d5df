"""Pages of experiments: those that run, the archive, one result, and what was learnt from it."""

from typing import cast

from django.contrib import messages
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from campaigns import winning
from campaigns.models import Campaign
from common.pagination import cursor_page
from common.spreadsheets import file_of
from experiments.models import Experiment, Look, Variant

SHELVES = {"running": "Running", "finished": "Finished", "archived": "Archived"}
PAGE = 25


@require_safe
def experiment_list(request: HttpRequest) -> HttpResponse:
    """Experiments of one shelf, newest first, found by name, hypothesis or what was learnt."""
    shelf = request.GET.get("shelf", "running")
    shelf = shelf if shelf in SHELVES else "running"
    query = request.GET.get("q", "").strip()[:200]
    found = _on_shelf(shelf)
    if query:
        found = found.filter(
            Q(name__icontains=query) | Q(hypothesis__icontains=query) | Q(learnings__icontains=query)
        )
    deciding = Look.objects.filter(is_deciding=True)
    upcoming = Look.objects.filter(state=Look.State.PLANNED).order_by("number")
    found = found.select_related("campaign", "imported").prefetch_related(
        "variants",
        Prefetch("planned_looks", deciding, to_attr="deciding_looks"),
        Prefetch("planned_looks", upcoming, to_attr="upcoming_looks"),
    )
    page = cursor_page(found, cursor=request.GET.get("cursor", ""), size=PAGE)
    context = {"page": page, "shelf": shelf, "shelves": SHELVES, "query": query}
    return render(request, "reports/experiments.html", context)


def _on_shelf(shelf: str) -> QuerySet[Experiment]:
    if shelf == "archived":
        return Experiment.objects.exclude(archived_at=None)
    is_finished = Q(decided_at__isnull=False)
    return Experiment.objects.filter(is_finished if shelf == "finished" else ~is_finished, archived_at=None)


@require_safe
def experiment_detail(request: HttpRequest, key: str) -> HttpResponse:
    """One experiment: the verdict, the money, how it grew, whether it can be trusted, and what was learnt.

    One that ran elsewhere has a page of its own, and so has a journey's split.
    """
    address = page_of(get_object_or_404(Experiment.objects.select_related("campaign", "imported"), key=key))
    if address != reverse("reports:experiment", args=[key]):
        return redirect(address)
    from reports.results import result_to_show  # SciPy takes a second to load, and only this page needs it

    campaign = _launched(key)
    context: dict[str, object] = {
        "result": result_to_show(campaign),
        "experiment": campaign.experiment,
        "shifted": _shifted_against_no_mail(campaign),
    }
    if waiting := winning.remainder_keys(campaign):
        context |= _remainder(campaign, waiting)
    return render(request, "reports/experiment.html", context)


def _launched(key: str) -> Campaign:
    campaigns = Campaign.objects.exclude(launched_at=None)
    campaigns = campaigns.select_related("experiment", "segment", "dispatch", "remainder_release", "figures")
    return get_object_or_404(campaigns.prefetch_related("experiment__variants"), experiment__key=key)


def _shifted_against_no_mail(campaign: Campaign) -> list[str]:
    """The arms that are due later than those without mail whom they are held against; one query."""
    variants = campaign.experiment.variants.all()
    if not any(one.role == Variant.Role.NO_MAIL for one in variants):
        return []
    later = campaign.variants.filter(send_shift_hours__gt=0).order_by("variant__position")
    return [one.variant.name for one in later.select_related("variant")]


def _remainder(campaign: Campaign, waiting: list[str]) -> dict[str, object]:
    """What the page says about those who wait for the winner."""
    variants = {one.key: one for one in campaign.experiment.variants.all()}
    release = getattr(campaign, "remainder_release", None)
    return {
        "remainder": campaign.recipients.filter(variant_key__in=waiting).count(),
        "release": release,
        "released_arm": variants.get(release.variant_key) if release else None,
        "earliest_release": winning.earliest_release(campaign),
        "choice": winning.choice_of(campaign.experiment),
        "obstacle": winning.obstacle_of(campaign),
        "arms_to_send": [one for one in variants.values() if one.role in winning.IN_TEST],
        "is_cancelled": campaign.dispatch is not None and campaign.dispatch.state == "cancelled",
    }


@require_safe
@requires(Permission.DOWNLOAD)
def experiment_csv(request: HttpRequest, key: str) -> HttpResponse:
    """All figures of the page as a file."""
    from reports.experiment_csv import rows
    from reports.results import result_to_show

    response = file_of(rows(result_to_show(_launched(key))), name=key)
    audit.record(cast(User, request.user), "downloaded a result", key)
    return response


@require_POST
@editors_only
def experiment_learnings(request: HttpRequest, key: str) -> HttpResponse:
    """Keep what was learnt, for whoever plans the next one."""
    experiment = get_object_or_404(Experiment, key=key)
    Experiment.objects.filter(pk=experiment.pk).update(
        learnings=request.POST.get("learnings", "").strip()[:10_000]
    )
    audit.record(cast(User, request.user), "wrote down learnings", experiment)
    messages.success(request, "Kept. The list of experiments finds it.")
    return redirect(page_of(experiment))


@require_POST
@editors_only
def experiment_archive(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Put a finished experiment away, or bring it back; a journey's split, which has no end, at any time."""
    experiment = get_object_or_404(Experiment, key=key)
    is_of_campaign = Campaign.objects.filter(experiment=experiment).exists()
    if act == "archive" and experiment.decided_at is None and is_of_campaign:
        messages.error(request, "It has no verdict yet. Finished experiments can be archived.")
    else:
        at = Now() if act == "archive" else None
        Experiment.objects.filter(pk=experiment.pk).update(archived_at=at)
        audit.record(cast(User, request.user), f"{act}d an experiment", experiment)
        messages.success(request, "Archived." if act == "archive" else "Back among the finished ones.")
    return redirect(page_of(experiment))


def page_of(experiment: Experiment) -> str:
    """Return the address of an experiment's result: of a campaign, of a journey's split, or imported.

    That of its plan where the campaign is not launched yet.
    """
    campaign: Campaign | None = getattr(experiment, "campaign", None)
    if hasattr(experiment, "imported"):
        name = "experiments:imported"
    elif campaign is None:
        name = "reports:split"
    else:
        name = "reports:experiment" if campaign.launched_at else "campaigns:experiment_plan"
    return reverse(name, args=[experiment.key])
