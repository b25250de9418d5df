"""Experiments that ran elsewhere: bring the file, say what its columns mean, read the result."""

from pathlib import PurePath
from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from common.spreadsheets import file_of
from customers.importing.reading import UnreadableFile
from experiments.forms import ColumnsForm, ExperimentFileForm
from experiments.importing import uploads
from experiments.importing.counting import count, profile
from experiments.importing.mapping import ImportProblem
from experiments.models import Experiment


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file in; its columns are confirmed on the next page."""
    form = ExperimentFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            token = uploads.keep(form.cleaned_data["file"])
        except UnreadableFile as error:
            form.add_error("file", str(error))
        else:
            return redirect("experiments:import_columns", token)
    return render(request, "experiments/import.html", {"form": form}, status=400 if form.errors else 200)


@shows_people("looked at an experiment's file")
@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Say what the columns mean, and store the experiment: whole, or with what is wrong in the file not at all."""
    found = uploads.kept(token)
    if found is None:
        messages.info(request, "That file is no longer here. Bring it again.")
        return redirect("experiments:import")
    file = uploads.examined(found)
    name = PurePath(found.name.removesuffix(".gz")).stem.replace("_", " ").capitalize()
    form = ColumnsForm(file, profile(found.path, file), name=name, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            experiment = _stored(form, found, cast(User, request.user))
        except (ImportProblem, UnreadableFile) as error:
            form.add_error(None, str(error).splitlines())
        else:
            found.path.unlink(missing_ok=True)
            return redirect("experiments:imported", experiment.key)
    status = 400 if form.errors else 200
    return render(request, "experiments/import_columns.html", {"form": form, "upload": found}, status=status)


def _stored(form: ColumnsForm, found: uploads.Upload, user: User) -> Experiment:
    from experiments.importing.arms import arms_of  # SciPy takes a second to load
    from experiments.importing.storing import store

    mapping = form.mapping
    counted = count(found.path, form.file, mapping)
    arms = arms_of(
        counted, mapping.metrics, split=form.cleaned_data["split"], has_before=bool(mapping.before)
    )
    return store(
        form.description,
        metrics=mapping.metrics,
        primary=form.decided_by,
        arms=arms,
        before=mapping.before,
        source=found.name,
        user=user,
    )


@require_safe
def imported(request: HttpRequest, key: str) -> HttpResponse:
    """A finished experiment that ran elsewhere: verdict, intervals, arms."""
    from experiments.importing.page import page_of

    return render(request, "experiments/imported.html", {"result": page_of(_experiment(key))})


@require_safe
@requires(Permission.DOWNLOAD)
def figures(request: HttpRequest, key: str) -> HttpResponse:
    """All comparisons as CSV, with unrounded numbers."""
    from experiments.importing.page import rows_of

    experiment = _experiment(key)
    response = file_of(rows_of(experiment), name=experiment.key)
    audit.record(cast(User, request.user), "downloaded a result", experiment)
    return response


@require_POST
@editors_only
def discard(request: HttpRequest, key: str) -> HttpResponse:
    """Delete an imported experiment, that it can be imported anew."""
    experiment = _experiment(key)
    with transaction.atomic():
        audit.record(cast(User, request.user), "deleted an imported experiment", experiment)
        experiment.delete()
    messages.success(request, f"{experiment.name} was deleted.")
    return redirect("experiments:import")


def _experiment(key: str) -> Experiment:
    """The imported experiment of this key; one that ran here is none."""
    found = Experiment.objects.select_related("imported", "imported__imported_by").exclude(imported=None)
    return get_object_or_404(found, key=key)
