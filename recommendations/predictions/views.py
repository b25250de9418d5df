"""The pages of predictions: what is in use and how good it is, and what each field is worth to it."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.permissions import requires
from accounts.roles import Permission
from common.pagination import cursor_page
from customers.engagement import KIND as ENGAGEMENT
from recommendations import leases, tasks
from recommendations.external.models import ExternalModel
from recommendations.predictions import progress, registry
from recommendations.predictions.distribution import distribution, interest_chart, interests
from recommendations.predictions.effect import latest_effect
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.report_cards import overview_rows, report_card
from recommendations.predictions.training import KINDS
from recommendations.predictions.uplift import UPLIFT


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Each kind of score with the version in use, or why there is none."""
    context = {
        "rows": overview_rows(),
        "progress": progress.current(),
        "elsewhere": ExternalModel.objects.filter(gives=ExternalModel.Gives.SCORES),
    }
    return render(request, "recommendations/predictions.html", context)


@require_safe
def detail(request: HttpRequest, kind: str) -> HttpResponse:
    """One kind: how good it is, whether its chances are right, which fields it lives on, all versions."""
    if kind not in KINDS:
        raise Http404("Nothing of this name is predicted.")
    versions = PredictionVersion.objects.filter(kind=kind)
    page = cursor_page(versions, cursor=request.GET.get("cursor", ""), size=20)
    context = {
        "card": report_card(kind),
        "effect": latest_effect() if kind == UPLIFT else None,
        "distribution": distribution(kind),
        "elsewhere": ExternalModel.objects.filter(key=kind, gives=ExternalModel.Gives.SCORES).first(),
        "page": page,
        "progress": progress.current(),
    }
    return render(request, "recommendations/prediction.html", context)


@require_safe
def engagement(request: HttpRequest) -> HttpResponse:
    """What the engagement score is made of, and how it lies among customers."""
    return render(request, "recommendations/engagement.html", {"distribution": distribution(ENGAGEMENT)})


@require_safe
def interest(request: HttpRequest) -> HttpResponse:
    """The categories that customers are interested in."""
    found, as_of = interests()
    context = {"interests": found, "as_of": as_of, "chart": interest_chart(found)}
    return render(request, "recommendations/interest.html", context)


@require_safe
def training(request: HttpRequest) -> HttpResponse:
    """How far the training is, for the pages to ask every few seconds; when it is over, load them anew."""
    current = progress.current()
    if current is None:
        return HttpResponseClientRefresh()
    return render(request, "recommendations/predictions_training.html", {"progress": current})


@require_POST
@requires(Permission.TRAIN)
def train(request: HttpRequest) -> HttpResponse:
    """Queue a training of one kind, or of all."""
    kind = request.POST.get("kind", "")
    if progress.current() is not None:
        messages.info(request, "A training is under way already.")
    elif kind and kind not in KINDS:
        raise Http404("Nothing of this name is predicted.")
    else:
        kinds = [kind] if kind else [*KINDS]
        progress.note(kinds[0], progress.QUEUED, 0, 1)
        transaction.on_commit(lambda: tasks.refresh_predictions.delay(kinds=kinds, anew=True))
    return redirect("recommendations:prediction", kind) if kind else redirect("recommendations:predictions")


@require_POST
@requires(Permission.TRAIN)
def cancel(request: HttpRequest) -> HttpResponse:
    """Stop the training under way."""
    if leases.cancel(PredictionVersion):
        progress.forget()
        messages.success(request, "The training stops at its next step. What was in use stays in use.")
    else:
        messages.info(request, "No training is under way.")
    return redirect("recommendations:predictions")


@require_POST
@requires(Permission.TRAIN)
def roll_back(request: HttpRequest, kind: str) -> HttpResponse:
    """Go back to the version that was in use before; its scores come with the next refresh, which is queued."""
    try:
        before = registry.roll_back(kind)
    except leases.CannotGoBackError as cannot:
        messages.error(request, str(cannot))
        return redirect("recommendations:prediction", kind)
    if before is None:
        messages.info(request, "There is no version to go back to.")
    else:
        messages.success(request, f"{before} is in use again. Its scores are computed in the background.")
        transaction.on_commit(lambda: tasks.refresh_predictions.delay(kinds=[kind]))
    return redirect("recommendations:prediction", kind)
