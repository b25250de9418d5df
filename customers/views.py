"""The list of customers, and the books of everything that was read in."""

from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.roles import Permission
from common.pagination import cursor_page
from customers import runs
from customers.browsing import countries, customer_page
from customers.models import SyncRun


@require_safe
def customer_list(request: HttpRequest) -> HttpResponse:
    """Known customers, newest first; `q` finds by the beginning of an address or an exact id."""
    query = request.GET.get("q", "").strip()[:320].replace("\0", "")
    country = request.GET.get("country", "")[:2].upper().replace("\0", "")
    context = {
        "page": customer_page(query, country=country, cursor=request.GET.get("cursor", "")),
        "query": query,
        "country": country,
        "countries": countries(),
    }
    return render(request, "customers/list.html", context)


@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """Every run of an import or a connector with its books, newest first."""
    page = cursor_page(SyncRun.objects.all(), cursor=request.GET.get("cursor", ""), size=20)
    context = {
        "page": page,
        "books": runs.books_of(page),
        "sources": runs.books_of(runs.latest_of_each_source()),
        "totals": runs.totals(),
        "may_download": _may_download(request),
    }
    return render(request, "customers/data.html", context)


@require_safe
def rejects(request: HttpRequest, pk: int) -> FileResponse:
    """Hand out the refused rows of one run, to those who may take rows away."""
    if not _may_download(request):
        raise PermissionDenied("Your role may look at the books, but not take the rows away.")
    path = runs.rejects_file(get_object_or_404(SyncRun, pk=pk))
    if path is None:
        raise Http404("The file of refused rows is not there, or not where such files belong.")
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=path.name, content_type="text/csv; charset=utf-8"
    )


def _may_download(request: HttpRequest) -> bool:
    return cast(User, request.user).may(Permission.DOWNLOAD)
