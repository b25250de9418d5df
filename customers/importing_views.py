"""The import of lists: bring a file, say what its columns mean, see what would happen, import."""

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from common.pagination import cursor_page
from customers import tasks
from customers.importing.people import jobs
from customers.importing.people.mapping import written
from customers.importing.people.wording import counted
from customers.importing.reading import UnreadableFile
from customers.importing_forms import ListForm, MappingForm
from customers.models import PeopleImport

State = PeopleImport.State
_OVERHEAD = 1 << 20


@csrf_exempt
@editors_only
def list_imports(request: HttpRequest) -> HttpResponse:
    """All imports with a form for the next one. What is too large is refused before its body is read."""
    length = request.META.get("CONTENT_LENGTH", "")
    if length.isdecimal() and int(length) > jobs.MAX_UPLOAD_BYTES + _OVERHEAD:
        return render(request, "customers/too_large.html", {"most": jobs.MAX_UPLOAD_BYTES >> 20}, status=413)
    return _list_imports(request)


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def _list_imports(request: HttpRequest) -> HttpResponse:
    form = ListForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = cast(User, request.user)
            job = jobs.bring(form.cleaned_data["file"], kind=form.cleaned_data["kind"], user=user)
        except UnreadableFile as error:
            form.add_error("file", str(error))
        else:
            return redirect("customers:import", job.pk)
    imports = PeopleImport.objects.exclude(state=State.DISCARDED).select_related("run", "created_by")
    page = cursor_page(imports, cursor=request.GET.get("cursor", ""), size=20)
    status = 400 if form.errors else 200
    return render(request, "customers/imports.html", {"form": form, "page": page}, status=status)


@shows_people("looked at a list")
@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def show_import(request: HttpRequest, pk: int) -> HttpResponse:
    """One import: its mapping while that can be changed, then what it would do, does, or did."""
    job = get_object_or_404(PeopleImport.objects.select_related("run"), pk=pk)
    context = {"job": job}
    is_mapping = job.state == State.DRAFT or (
        job.state in (State.CHECKED, State.FAILED) and "edit" in request.GET
    )
    if request.method == "POST" or (is_mapping and job.run is None):
        form = MappingForm(job, request.POST or None)
        if request.method == "POST" and form.is_valid():
            return _check(request, job, form)
        return render(request, "customers/import_mapping.html", context | {"form": form})
    return render(request, "customers/import.html", context | counted(job))


def _check(request: HttpRequest, job: PeopleImport, form: MappingForm) -> HttpResponse:
    among = (State.DRAFT, State.CHECKED, State.FAILED)
    idle = PeopleImport.objects.filter(pk=job.pk, state__in=among, run=None)
    if idle.update(state=State.CHECKING, mapping=written(form.mapping), report={}, total=0, done=0, error=""):
        _ring(job)
    else:
        messages.info(request, "This list is at work already.")
    return redirect("customers:import", job.pk)


@require_POST
@editors_only
def start_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Import what was checked, or go on with what broke off."""
    job = get_object_or_404(PeopleImport, pk=pk)
    among = (State.CHECKED, State.FAILED) if job.run_id or job.report else (State.CHECKED,)
    if jobs.ask(job, State.IMPORTING, among=among):
        _ring(job)
    return redirect("customers:import", job.pk)


@require_POST
@editors_only
def discard_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an import up and delete its file."""
    job = get_object_or_404(PeopleImport, pk=pk)
    if jobs.discard(job):
        messages.success(request, f"{job.name} was discarded and its file deleted.")
        return redirect("customers:imports")
    messages.info(request, "It is at work or done, so it was not discarded.")
    return redirect("customers:import", job.pk)


@require_safe
@editors_only
def import_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is, for the page to ask every two seconds; when that is over, load the page anew."""
    job = get_object_or_404(PeopleImport.objects.select_related("run"), pk=pk)
    if job.state not in (State.CHECKING, State.IMPORTING):
        return HttpResponseClientRefresh()
    return render(request, "customers/import_progress.html", {"job": job})


@shows_people("took the refused rows of a list")
@require_safe
@requires(Permission.DOWNLOAD)
def import_errors(request: HttpRequest, pk: int) -> FileResponse:
    """Hand out the rows that were not, or would not be, stored."""
    job = get_object_or_404(PeopleImport.objects.select_related("run"), pk=pk)
    path = jobs.errors_file(job)
    if path is None:
        raise Http404("There is no file of rows that were not stored, or it has been deleted.")
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"not-imported-{job.pk}.csv",
        content_type="text/csv; charset=utf-8",
    )


def _ring(job: PeopleImport) -> None:
    transaction.on_commit(lambda: tasks.advance_list.delay(job.pk))
