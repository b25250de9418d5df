"""Pages of reports, their files, and what they are reckoned by."""

from typing import cast

from django.conf import settings as django_settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.models import User
from accounts.permissions import administrators_only, editors_only, requires
from accounts.roles import Permission
from campaigns.models import Campaign
from reports import digest
from reports.forms import CostForm, SettingsForm
from reports.models import CampaignCost, DayFigures, ReportSettings
from reports.pages import adding, one_campaign
from reports.pages.campaigns import headline
from reports.pages.catalogue import BY_NAME, ENTRIES
from reports.pages.report import PERIODS, Asked, Report, csv_lines
from reports.pages.wording import tone
from reports.tasks import count_reports


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The headline of the last 90 days, and all reports."""
    asked = Asked()
    found = adding.total(adding.figures_since(asked.since), "mail")
    attributed = adding.sums_of(DayFigures.objects.filter(day__gte=asked.since), ["revenue_minor"])
    settings = ReportSettings.current()
    context = {
        "headline": headline(
            found,
            attributed["revenue_minor"],
            currency=django_settings.REPORTING_CURRENCY,
            days=asked.days,
        ),
        "tone": tone(found.minor, found.variance) if found.campaigns else "info",
        "settings": settings,
        "entries": ENTRIES,
        "wants_digest": digest.wants(cast(User, request.user)),
    }
    return render(request, "reports/index.html", context)


@require_safe
def report(request: HttpRequest, name: str) -> HttpResponse:
    """One report of the list."""
    if name not in BY_NAME:
        raise Http404("There is no such report.")
    asked = _asked(request)
    found = BY_NAME[name].make(asked)
    return _page(request, found, asked, reverse("reports:report_csv", args=[name]))


@requires(Permission.DOWNLOAD)
@require_safe
def report_csv(request: HttpRequest, name: str) -> HttpResponseBase:
    """The numbers of a report as a file, all of them."""
    if name not in BY_NAME:
        raise Http404("There is no such report.")
    return _file(BY_NAME[name].make(_asked(request, is_file=True)), name)


@require_safe
def campaign(request: HttpRequest, key: str) -> HttpResponse:
    """The report of one launched campaign."""
    found, asked = _launched(key), _asked(request)
    shown = one_campaign.campaign(found, asked)
    return _page(request, shown, asked, reverse("reports:campaign_csv", args=[key]))


@requires(Permission.DOWNLOAD)
@require_safe
def campaign_csv(request: HttpRequest, key: str) -> HttpResponseBase:
    """The numbers of a campaign's report as a file."""
    return _file(one_campaign.campaign(_launched(key), _asked(request, is_file=True)), key)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def costs(request: HttpRequest, key: str) -> HttpResponse:
    """What one campaign cost."""
    found = _launched(key)
    stored = CampaignCost.objects.filter(campaign=found).first() or CampaignCost(campaign=found)
    form = CostForm(request.POST or None, instance=stored)
    if form.is_valid():
        form.save()
        messages.success(request, "Stored. The return on mail goes by these costs from now on.")
        return redirect("reports:campaign", key)
    context = {"form": form, "campaign": found, "currency": django_settings.REPORTING_CURRENCY}
    return render(request, "reports/costs.html", context, status=400 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def settings(request: HttpRequest) -> HttpResponse:
    """How orders are attributed and what mails cost, for all reports."""
    with transaction.atomic():
        row = ReportSettings.objects.select_for_update().first() or ReportSettings()
        form = SettingsForm(request.POST or None, instance=row)
        if form.is_valid():
            changes = form.store()
            audit.record(cast(User, request.user), "changed report settings", detail=changes)
            request.is_audited = True  # type: ignore[attr-defined]
            transaction.on_commit(count_reports.delay, robust=True)
            messages.success(
                request, "Stored. Where the rule or a window changed, all orders are attributed anew."
            )
            return redirect("reports:settings")
    context = {"form": form, "settings": row, "currency": django_settings.REPORTING_CURRENCY}
    return render(request, "reports/settings.html", context, status=400 if form.is_bound else 200)


@requires(Permission.READ)
@require_POST
def want_digest(request: HttpRequest) -> HttpResponse:
    """Turn the weekly digest on or off for oneself."""
    is_wanted = request.POST.get("wanted") == "yes"
    digest.want(cast(User, request.user), is_wanted=is_wanted)
    messages.success(
        request,
        "You get the digest by e-mail every Monday." if is_wanted else "You no longer get the digest.",
    )
    return redirect("reports:index")


def _launched(key: str) -> Campaign:
    launched = Campaign.objects.exclude(launched_at=None).exclude(dispatch=None)
    return get_object_or_404(launched.select_related("segment", "experiment"), key=key)


def _asked(request: HttpRequest, *, is_file: bool = False) -> Asked:
    """What the address asks for; a period that there is not shows the usual one."""
    text = request.GET.get("days", "")
    days = int(text) if text in {str(one) for one in PERIODS} else Asked().days
    return Asked(days=days, cursor=request.GET.get("cursor", ""), is_file=is_file)


def _page(request: HttpRequest, found: Report, asked: Asked, csv_url: str) -> HttpResponse:
    context = {"report": found, "asked": asked, "periods": PERIODS, "csv_url": f"{csv_url}?days={asked.days}"}
    return render(request, "reports/report.html", context)


def _file(found: Report, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        csv_lines(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
