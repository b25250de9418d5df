"""Pages of fixed lists: made and filled from a file, a segment or an imported list; one customer added or removed."""

import io
from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from segments import lists, membership
from segments.finding import find_customer
from segments.forms import ListForm
from segments.models import ListFill, Segment
from segments.nesting import problem_with

MOST_BYTES = 100 << 20


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def list_fill(request: HttpRequest, key: str | None = None) -> HttpResponse:
    """Make a fixed list, or rename and fill one that is there."""
    segment = (
        _static(key) if key else Segment(kind=Segment.Kind.STATIC, name=request.GET.get("name", "")[:200])
    )
    initial = {"members_of": Segment.objects.active().filter(key=request.GET.get("members_of", "")).first()}
    form = ListForm(request.POST or None, request.FILES or None, instance=segment, initial=initial)
    if request.method == "POST" and form.is_valid():
        problem = problem_with(form.instance)
        try:
            if problem is None:
                return _stored(request, form)
        except lists.BadList as error:
            problem = str(error)
        form.add_error(None, problem)
    return render(request, "segments/list_fill.html", {"form": form, "segment": segment})


def _stored(request: HttpRequest, form: ListForm) -> HttpResponse:
    user = cast(User, request.user)
    if form.instance.pk is None:
        form.instance.created_by = user
    named = _read(form)
    with transaction.atomic():
        segment = form.save(commit=False)
        membership.store(segment)
        done = _filled(segment, form, named, user)
    segment.refresh_from_db()
    if done is None:
        messages.success(request, f"Saved: {segment.member_count:,} customers are in this segment.")
    else:
        unknown = f" {done.unknown_count:,} lines name nobody we know." if done.unknown_count else ""
        messages.success(request, f"{done.matched:,} customers were named in {done.name}.{unknown}")
    return redirect("segments:detail", segment.key)


def _read(form: ListForm) -> lists.Named | None:
    upload = form.cleaned_data["file"]
    if not upload:
        return None
    if upload.size > MOST_BYTES:
        raise lists.BadList("The file is larger than 100 MB; split it, or use manage.py fill_segment.")
    return lists.read(io.TextIOWrapper(upload.file, encoding="utf-8-sig", newline=""))


def _filled(segment: Segment, form: ListForm, named: lists.Named | None, user: User) -> ListFill | None:
    asked = form.cleaned_data
    if named is not None:
        name = asked["file"].name or "list"
        return lists.fill(segment, named, name=name, user=user, replaces=asked["replaces"])
    if asked["members_of"]:
        return lists.freeze(segment, asked["members_of"], user=user)
    if asked["imported"]:
        return lists.take_import(segment, asked["imported"], user=user)
    return None


@require_POST
@editors_only
def list_member(request: HttpRequest, key: str) -> HttpResponse:
    """Put one customer on the list, or take one off it."""
    segment = _static(key)
    asked = request.POST.get("customer", "").strip()
    customer = find_customer(asked) if asked else None
    if customer is None:
        messages.error(request, "Nobody has this e-mail address or id.")
        return redirect("segments:detail", segment.key)
    is_removal = request.POST.get("act") == "remove"
    try:
        changed = (lists.remove_one if is_removal else lists.add_one)(segment, customer)
    except lists.BadList as error:
        messages.error(request, str(error))
        return redirect("segments:detail", segment.key)
    told = {
        (True, True): "Taken off the list.",
        (True, False): "This customer is not on the list.",
        (False, True): "Put on the list.",
        (False, False): "This customer is on the list already.",
    }
    messages.success(request, told[is_removal, changed])
    return redirect("segments:detail", segment.key)


@shows_people("took the unknown lines of a list away")
@require_safe
@requires(Permission.DOWNLOAD)
def list_unknown(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """The lines of one filling that named nobody, with the reason, as CSV."""
    done = get_object_or_404(ListFill, segment__key=key, pk=pk)
    return HttpResponse(
        f"line,reason\r\n{done.unknown}",
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{key}-unknown.csv"'},
    )


def _static(key: str) -> Segment:
    return get_object_or_404(Segment.objects.select_related("parent"), key=key, kind=Segment.Kind.STATIC)
