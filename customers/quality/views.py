"""Pages of data health: sources, quarantine, alerts, reconciliations."""

from typing import Any, cast

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from common.figures import integer
from common.pagination import cursor_page
from customers import duplicates, runs, tasks
from customers.importing.schema import MappingError
from customers.models import Alert, QuarantinedRow, Reconciliation, SyncRun
from customers.models.sync import in_words
from customers.quality import alerts, figures, health, quarantine, reconciliations
from customers.quality.charts import runs_chart
from customers.quality.forms import CellsForm
from customers.quality.reconciling import sentences

RETRIED_HERE = 1_000


@shows_people("looked at data health")
@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """How the data is: each source with its light, what campaigns miss, who may be mailed, the newest runs."""
    page = cursor_page(SyncRun.objects.all(), cursor=request.GET.get("cursor", ""), size=20)
    counted = figures.latest_figures()
    sources = health.all_sources()
    context = {
        "page": page,
        "books": runs.books_of(page),
        "sources": sources,
        "lights": {light: sum(one.light == light for one in sources) for light in ("red", "amber", "green")},
        "duplicates": duplicates.waiting_count(),
        "waiting": sum(one.waiting for one in sources),
        "figures": counted,
        "without_consent_hint": "Have an address, but never agreed or took it back;"
        f" {integer(counted.without_address)} more have no address",
        "without_rate": figures.without_rate_in_words(counted),
        "fields": figures.used_fields(counted),
        "most_empty": figures.MOST_EMPTY,
        "totals": runs.totals(),
        "chart": runs_chart(page.rows),
    }
    return render(request, "customers/data.html", context)


@shows_people("took the refused rows of a source")
@require_safe
@requires(Permission.DOWNLOAD)
def rejects(request: HttpRequest, pk: int) -> FileResponse:
    """Hand out the refused rows of one run."""
    path = runs.rejects_file(get_object_or_404(SyncRun, pk=pk))
    if path is None:
        raise Http404("The file of refused rows is not there, or not where such files belong.")
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=path.name, content_type="text/csv; charset=utf-8"
    )


@shows_people("looked at the quarantine")
@require_safe
@editors_only
def quarantine_list(request: HttpRequest) -> HttpResponse:
    """Waiting rows by source and reason, and the rows of one such group."""
    source, reason = (request.GET.get(name, "").replace("\0", "")[:200] for name in ("source", "reason"))
    rows = QuarantinedRow.objects.filter(state=QuarantinedRow.State.WAITING)
    for name, value in (("source", source), ("reason", reason)):
        if value:
            rows = rows.filter(**{name: value})
    context = {
        "groups": quarantine.groups(source),
        "page": cursor_page(rows, cursor=request.GET.get("cursor", "")),
        "source": source,
        "reason": reason,
    }
    return render(request, "customers/quarantine.html", context)


@shows_people("looked at a quarantined row")
@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def quarantined_row(request: HttpRequest, pk: int) -> HttpResponse:
    """One row with its cells: mend and retry it, or dismiss it."""
    row = get_object_or_404(QuarantinedRow.objects.select_related("run", "settled_by"), pk=pk)
    is_waiting = row.state == QuarantinedRow.State.WAITING
    form = CellsForm(request.POST or None, cells=row.cells)
    if request.method == "POST" and is_waiting and form.is_valid():
        quarantine.mend(row, form.mended())
        outcome = _retry(request, [row])
        if outcome is not None and outcome.mended:
            messages.success(request, "Mended: the row is stored now.")
            return redirect("customers:quarantine")
        row.refresh_from_db()
        if outcome is not None:
            messages.error(request, f"Still refused: {row.in_words}.")
    return render(
        request, "customers/quarantined_row.html", {"row": row, "form": form, "is_waiting": is_waiting}
    )


@require_POST
@editors_only
def quarantine_retry(request: HttpRequest) -> HttpResponse:
    """Retry all waiting rows of one source and reason; many of them by a worker."""
    source, reason = request.POST.get("source", ""), request.POST.get("reason", "")
    count = sum(one.count for one in quarantine.groups(source) if one.reason == reason)
    if count > RETRIED_HERE:
        user_id = cast(User, request.user).pk
        transaction.on_commit(lambda: tasks.retry_quarantine.delay(source, reason, user_id))
        messages.info(request, f"{count:,} rows are being retried; look again in a minute.")
    elif (outcome := _retry(request, quarantine.waiting_rows(source, reason))) is not None:
        messages.info(request, f"{outcome.mended:,} rows are stored now, {outcome.waiting:,} wait on.")
    return redirect("customers:quarantine")


@require_POST
@editors_only
def quarantine_dismiss(request: HttpRequest) -> HttpResponse:
    """Dismiss one waiting row, or all of one source and reason."""
    if "row" in request.POST and request.POST["row"].isdecimal():
        wanted = Q(pk=int(request.POST["row"][:18]))
    else:
        wanted = Q(source=request.POST.get("source", ""), reason=request.POST.get("reason", ""))
    count = quarantine.dismiss(wanted, by=cast(User, request.user))
    messages.info(request, f"Dismissed: {count:,} {'row' if count == 1 else 'rows'}.")
    return redirect("customers:quarantine")


@require_POST
@editors_only
def reconcile(request: HttpRequest) -> HttpResponse:
    """Ask for a comparison of a source with what is stored, and ring for it."""
    name = request.POST.get("source", "").replace("\0", "")[:120]
    asked = reconciliations.ask(name, by=cast(User, request.user))
    transaction.on_commit(lambda: tasks.reconcile.delay(asked.pk))
    return redirect("customers:reconciliation", asked.pk)


@shows_people("looked at a comparison")
@require_safe
def reconciliation(request: HttpRequest, pk: int) -> HttpResponse:
    """How a comparison stands or ended."""
    asked = get_object_or_404(Reconciliation, pk=pk)
    context: dict[str, Any] = {"asked": asked, "is_open": asked.state in reconciliations.OPEN}
    if asked.result:
        context["verdict"], *context["sentences"] = sentences(asked.result)
        context["refused"] = [(in_words(why), count) for why, count in asked.result["refused"].items()]
    name = "customers/reconciliation.html"
    return render(request, f"{name}#result" if request.headers.get("HX-Request") else name, context)


@require_safe
def alert_list(request: HttpRequest) -> HttpResponse:
    """Alerts, newest first: the open ones, or all."""
    shows_all = "all" in request.GET
    rows = Alert.objects.all() if shows_all else alerts.open_alerts()
    user = cast(User, request.user)
    context = {
        "page": cursor_page(rows, cursor=request.GET.get("cursor", "")),
        "shows_all": shows_all,
        "unseen": alerts.unseen_count(user),
        "wants_mail": alerts.wants_mail(user),
    }
    return render(request, "customers/alerts.html", context)


@require_POST
@requires(Permission.READ)
def alerts_seen(request: HttpRequest) -> HttpResponse:
    """Note that the user has looked at the open alerts."""
    alerts.mark_seen(cast(User, request.user))
    return _back(request)


@require_POST
@requires(Permission.READ)
def alerts_mail(request: HttpRequest) -> HttpResponse:
    """Keep whether the user wants alerts by e-mail."""
    alerts.want_mail(cast(User, request.user), is_wanted=request.POST.get("wanted") == "yes")
    return _back(request)


def _retry(request: HttpRequest, rows: Any) -> quarantine.Retried | None:
    """Retry; where it cannot be done, say why and return None."""
    try:
        return quarantine.retry(rows, by=cast(User, request.user))
    except MappingError as error:
        messages.error(request, str(error))
        return None


def _back(request: HttpRequest) -> HttpResponse:
    following = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(following, allowed_hosts={request.get_host()})
    return redirect(following if is_ours else "customers:alerts")
