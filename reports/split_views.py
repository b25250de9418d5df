"""Pages of journeys' splits: how the arms compare, and the figures as a file."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.models import User
from accounts.permissions import requires
from accounts.roles import Permission
from common.spreadsheets import file_of
from experiments.models import Experiment


@require_safe
def split(request: HttpRequest, key: str) -> HttpResponse:
    """A journey's split: the verdict, its arms, and whether their sizes can be trusted."""
    from reports.splits import split_result  # SciPy takes a second to load, and only this page needs it

    experiment = _split_or_404(key)
    context = {"result": split_result(experiment), "experiment": experiment}
    return render(request, "reports/split.html", context)


@require_safe
@requires(Permission.DOWNLOAD)
def split_csv(request: HttpRequest, key: str) -> HttpResponse:
    """All figures of the page as a file."""
    from reports.split_csv import rows
    from reports.splits import split_result

    response = file_of(rows(split_result(_split_or_404(key))), name=key)
    audit.record(cast(User, request.user), "downloaded a result", key)
    return response


def _split_or_404(key: str) -> Experiment:
    splits = Experiment.objects.filter(campaign=None, imported=None).prefetch_related("variants")
    return get_object_or_404(splits, key=key)
