"""Pages of what is planned about an experiment: its arms' shares, and its plan with what it promises."""

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import editors_only
from campaigns import scheduling
from campaigns.arm_forms import SplitForm
from campaigns.experiment_forms import PlanForm
from campaigns.models import Campaign
from campaigns.splitting import BadSplit
from common.clock import now
from experiments.models import Experiment


@require_safe
def split_sentence(request: HttpRequest) -> HttpResponse:
    """How many people would get what, of a form that is being filled in; part of a page."""
    try:
        context: dict[str, Any] = {"shares": SplitForm(request.GET).shares()}
    except BadSplit as bad:
        context = {"refused": str(bad)}
    return render(request, "campaigns/split.html", context)


@require_safe
def experiment_plan(request: HttpRequest, key: str) -> HttpResponse:
    """The plan: a form for editors until the start, else what is planned."""
    experiment, campaign = _asked(key)
    return _shown(request, experiment, campaign, _form(experiment, campaign, None))


@require_POST
@editors_only
def experiment_plan_keep(request: HttpRequest, key: str) -> HttpResponse:
    """Store the plan, unless the start has frozen it."""
    from campaigns.experiment_plans import PlanRefused, plan  # SciPy takes a second to load

    experiment, campaign = _asked(key)
    if frozen := _frozen(experiment, campaign, by=cast(User, request.user)):
        messages.error(request, frozen)
        return redirect("campaigns:experiment_plan", key)
    form = _form(experiment, campaign, request.POST)
    if form.is_valid():
        try:
            plan(experiment.pk, form.values(), by=cast(User, request.user), at=now())
        except PlanRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Planned. The start freezes it.")
            return redirect("campaigns:experiment_plan", key)
    return _shown(request, experiment, campaign, form)


@require_safe
@editors_only
def experiment_outlook(request: HttpRequest, key: str) -> HttpResponse:
    """What the fields of an open form promise; part of the page."""
    experiment, campaign = _asked(key)
    form = _form(experiment, campaign, request.GET)
    if not form.is_valid():
        refused = [error for errors in form.errors.values() for error in errors]
        return render(request, "campaigns/experiment_outlook.html", {"refused": refused})
    for name, value in form.values().items():
        setattr(experiment, name, value)
    return render(request, "campaigns/experiment_outlook.html", _outlook(experiment))


@require_safe
def bandit(request: HttpRequest, key: str) -> HttpResponse:
    """How the next occurrence of a series is shared among its arms; part of the page of the series."""
    from campaigns.bandits import allotment

    series = get_object_or_404(Campaign.objects.exclude(repeats="").select_related("experiment"), key=key)
    context = {"campaign": series, "allotment": allotment(series, at=now())}
    return render(request, "campaigns/bandit.html", context)


def _asked(key: str) -> tuple[Experiment, Campaign | None]:
    experiment = get_object_or_404(Experiment, key=key)
    return experiment, Campaign.objects.select_related("segment").filter(experiment=experiment).first()


def _shown(
    request: HttpRequest, experiment: Experiment, campaign: Campaign | None, form: PlanForm
) -> HttpResponse:
    """The page; what the plan can show is left out once it has started."""
    from campaigns.experiment_plans import FROZEN

    frozen = _frozen(experiment, campaign, by=cast(User, request.user))
    context = {"experiment": experiment, "campaign": campaign, "form": form, "frozen": frozen}
    if frozen != FROZEN:
        context |= _outlook(experiment)
    return render(request, "campaigns/experiment_plan.html", context)


def _frozen(experiment: Experiment, campaign: Campaign | None, *, by: User) -> str:
    """Why the plan cannot be changed; empty where it can."""
    from campaigns.experiment_plans import FROZEN

    if experiment.is_frozen or (campaign is not None and campaign.state not in Campaign.UNFROZEN):
        return FROZEN
    return "" if campaign is None or scheduling.may_change(campaign, by=by) else scheduling.ON_SCHEDULE


def _form(experiment: Experiment, campaign: Campaign | None, data: Any) -> PlanForm:
    from campaigns.past_results import usual_currency

    return PlanForm(
        experiment,
        data,
        currency=usual_currency(),
        is_campaign=campaign is not None,
        may_be_bandit=campaign is not None and campaign.is_series and campaign.draws_arms_anew,
    )


def _outlook(experiment: Experiment) -> dict[str, Any]:
    """What the experiment promises, its fields as they are set; or why nothing can be said."""
    from campaigns.outlooks import outlook
    from campaigns.remainders import NoRoom

    try:
        return {"outlook": outlook(experiment, at=now())}
    except NoRoom as refused:
        return {"refused": [str(refused)]}
