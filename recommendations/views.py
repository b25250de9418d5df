"""The recommender: what is in use and how good it is, training it, and why a customer is shown what he is."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.audit import shows_people
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from common.pagination import cursor_page
from customers.browsing import find
from customers.models import Customer
from recommendations import leases, progress, registry, tasks
from recommendations.bestsellers import bestsellers
from recommendations.explaining import explain
from recommendations.external.models import ExternalModel
from recommendations.horizon import learns_until
from recommendations.models import ModelVersion
from recommendations.opinions import opinions
from recommendations.standings import newest_drift, standings
from recommendations.strategies import FOR_YOU, STRATEGIES


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The model in use with its report card, all versions, and the bestsellers of a country."""
    champion = registry.champion()
    context = {
        "champion": champion,
        "before": leases.one_before(champion) if champion else None,
        "standings": standings(champion) if champion else None,
        "drift": newest_drift(),
        "page": cursor_page(ModelVersion.objects.all(), cursor=request.GET.get("cursor", ""), size=20),
        "bestsellers": bestsellers(request.GET.get("country", "")),
        "progress": progress.current(),
        "learns_until": learns_until(),
        "elsewhere": ExternalModel.objects.filter(gives=ExternalModel.Gives.RECOMMENDATIONS),
    }
    return render(request, "recommendations/overview.html", context)


@require_safe
def training(request: HttpRequest) -> HttpResponse:
    """How far the training is, for the overview to ask every few seconds; when it is over, load it anew."""
    current = progress.current()
    if current is None:
        return HttpResponseClientRefresh()
    return render(request, "recommendations/training.html", {"progress": current})


@require_POST
@requires(Permission.TRAIN)
def train(request: HttpRequest) -> HttpResponse:
    """Queue a training, on the data as far as they go."""
    if progress.current() is not None:
        messages.info(request, "A training is under way already.")
        return redirect("recommendations:overview")
    progress.note_queued()
    transaction.on_commit(lambda: tasks.train_recommender.delay())
    return redirect("recommendations:overview")


@require_POST
@editors_only
def withdraw(request: HttpRequest) -> HttpResponse:
    """Take the model out of use."""
    registry.withdraw_champion()
    messages.success(
        request, "No model is in use now: everybody is shown bestsellers until the next training."
    )
    return redirect("recommendations:overview")


@require_safe
def look_up(request: HttpRequest) -> HttpResponse:
    """Find the customer to inspect, by the beginning of an address or an exact id."""
    query = request.GET.get("q", "").strip()[:320].replace("\0", "")
    found = list(find(query).order_by("-pk")[:20]) if query else []
    if len(found) == 1:
        return redirect("recommendations:inspect", found[0].public_id)
    return render(request, "recommendations/look_up.html", {"found": found, "query": query})


@shows_people("looked at recommendations")
@require_safe
def inspect(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What one customer is shown, by which strategy, from which source, and why."""
    customer = _customer(public_id)
    strategy = request.GET.get("strategy", FOR_YOU)
    strategy = strategy if strategy in STRATEGIES else FOR_YOU
    context = {
        "customer": customer,
        "explanation": explain(customer.pk, strategy=strategy),
        "strategy": strategy,
        "chosen": STRATEGIES[strategy],
        "strategies": [(name, one.label) for name, one in STRATEGIES.items()],
    }
    return render(request, "recommendations/inspect.html", context)


@shows_people("looked at recommendations")
@require_safe
def engines(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What each engine would say to one customer, and why."""
    customer = _customer(public_id)
    context = {"customer": customer, "opinions": opinions(customer)}
    return render(request, "recommendations/engines.html", context)


def _customer(public_id: UUID) -> Customer:
    customer = Customer.objects.named(public_id)
    if customer is None:
        raise Http404("There is no customer with this id.")
    return customer
