"""Pages of segments: the list, one segment with its members, and the editor that builds a condition in sentences."""

import json
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from common.clock import now
from common.plain_data import PlainDataError, load_plain
from segments import drafting, editor, membership
from segments.conditions import Condition, ConditionError, describe, parse
from segments.counting import count_audience
from segments.event_names import own_names
from segments.finding import find_customer
from segments.forms import SegmentForm
from segments.models import Segment
from segments.nesting import CycleError, problem_with

RECENT = 20


@require_safe
def segment_list(request: HttpRequest) -> HttpResponse:
    """All segments by name, each with its sentence."""
    page = Paginator(Segment.objects.all(), 50).get_page(request.GET.get("page"))
    rows = [(segment, sentence_of(segment)) for segment in page]
    return render(request, "segments/list.html", {"page": page, "rows": rows})


@require_safe
def segment_detail(request: HttpRequest, key: str) -> HttpResponse:
    """Who is in it, who came and went; asked for a customer, on to why they are in it or not."""
    segment = get_object_or_404(Segment, key=key)
    asked = request.GET.get("customer", "").strip()
    customer = find_customer(asked) if asked else None
    if customer is not None:
        return redirect("segments:why", key, customer.public_id)
    context: dict[str, Any] = {
        "segment": segment,
        "sentence": sentence_of(segment),
        "examples": membership.members(segment).order_by("-memberships__entered_at", "pk")[:6],
        "changes": segment.changes.select_related("customer").order_by("-changed_at", "-pk")[:RECENT],
        "asked": asked,
        "explain_problem": asked and "Nobody has this e-mail address or id.",
    }
    return render(request, "segments/detail.html", context)


@require_POST
@editors_only
def segment_refresh(request: HttpRequest, key: str) -> HttpResponse:
    """Judge everybody anew, now."""
    segment = get_object_or_404(Segment, key=key)
    try:
        change = membership.refresh_with_dependants(segment, cause="edit")
    except (ConditionError, CycleError) as error:
        messages.error(request, f"Not refreshed: {error}")
    else:
        messages.success(request, f"{change.entered:,} customers entered, {change.left:,} left.")
    return redirect("segments:detail", segment.key)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def segment_edit(request: HttpRequest, key: str | None = None) -> HttpResponse:
    """The editor. A button's `act` changes the draft in the form; `save` stores it and refreshes."""
    segment = get_object_or_404(Segment, key=key) if key else Segment(condition=None)
    form = SegmentForm(request.POST or None, instance=segment)
    act = request.POST.get("act", "")
    draft, problem = _draft(request, segment)
    if act == "save" and form.is_valid() and problem is None:
        form.instance.condition = draft
        problem = _problem(form.instance)
        if problem is None:
            return _saved(request, form)
    elif act not in ("", "save"):
        form.errors.clear()
    context = _editor(request, draft, problem if act == "save" else None)
    is_part = bool(request.headers.get("HX-Request"))
    template = "segments/edit.html#editor" if is_part else "segments/edit.html"
    response = render(request, template, context | {"form": form, "segment": segment})
    if is_part:
        response["HX-Trigger-After-Settle"] = "draft-changed"
    return response


def _draft(request: HttpRequest, segment: Segment) -> tuple[Any, str | None]:
    """Return the condition in the form (or the stored one, None if new) as JSON, and what makes its text unreadable."""
    if request.method != "POST":
        return segment.condition, None
    if "json" in request.POST:
        try:
            return load_plain(request.POST["json"]), None
        except PlainDataError as error:
            return request.POST["json"], f"This is neither JSON nor YAML: {error}"
    draft = drafting.read(request.POST.dict())
    drafting.change(draft, request.POST.get("act", ""))
    return drafting.document_of(draft), None


def _problem(segment: Segment) -> str | None:
    try:
        parse(segment.condition)
    except ConditionError as error:
        return editor.problem_in_words(error)
    return problem_with(segment)


def _saved(request: HttpRequest, form: SegmentForm) -> HttpResponse:
    if form.instance.pk is None:
        form.instance.created_by = cast(User, request.user)
    with transaction.atomic():
        segment = form.save()
        membership.refresh_with_dependants(segment, cause="edit")
    messages.success(request, f"Saved: {segment.member_count:,} customers are in this segment.")
    return redirect("segments:detail", segment.key)


def _editor(request: HttpRequest, document: Any, problem: str | None) -> dict[str, Any]:
    act = request.POST.get("act", "")
    if act != "rows" and (act == "json" or "json" in request.POST):
        return {"problem": problem, "json": _written(document)}
    if request.method == "POST" and act != "rows":
        group = drafting.read(request.POST.dict())
        drafting.change(group, act)
        return {"problem": problem, **_rows(group)}
    if document is None:
        return _rows(drafting.new_draft())
    try:
        parse(document)
    except ConditionError as error:
        problem = f"The sentences cannot show this: {editor.problem_in_words(error)}"
        return {"problem": problem, "json": _written(document)}
    return {"problem": problem, **_rows(drafting.draft_of(document))}


def _written(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, indent=2, ensure_ascii=False)


def _rows(group: drafting.Group) -> dict[str, Any]:
    segments = Segment.objects.values_list("key", "name")
    # A name that nobody has sent yet stays a choice of the row that mentions it.
    names = sorted({*own_names(), *drafting.own_events(group)})
    return {"group": editor.shown(group), **editor.choices(segments=segments, own_events=names)}


@require_POST
@requires(Permission.READ)
def segment_count(request: HttpRequest) -> HttpResponse:
    """How many customers the draft in the form fits now, for the editor's side."""
    draft, problem = _draft(request, Segment(condition=None))
    context: dict[str, Any] = {"problem": problem}
    if problem is None:
        try:
            context |= _counted(parse(draft), request)
        except ConditionError as error:
            context["problem"] = editor.problem_in_words(error)
    return render(request, "segments/edit.html#count", context)


def _counted(condition: Condition, request: HttpRequest) -> dict[str, Any]:
    form = SegmentForm({"name": "x", "as_of": request.POST.get("as_of", "")})
    at = (form.cleaned_data["as_of"] if form.is_valid() else None) or now()
    return {
        "sentence": describe(condition, currency=settings.REPORTING_CURRENCY),
        "audience": count_audience(condition, now=at),
        "at": at,
    }


def sentence_of(segment: Segment) -> str:
    """Return the stored condition as a sentence, or why it cannot be read."""
    try:
        return describe(parse(segment.condition), currency=settings.REPORTING_CURRENCY) + "."
    except ConditionError as error:
        return f"The condition cannot be read: {error}"
