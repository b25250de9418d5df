"""Pages of segments: the list, one segment with its people, and the editor that builds a condition in sentences."""

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from common.clock import now
from common.pagination import cursor_page
from segments import editor, history, membership
from segments.conditions import Condition, ConditionError, describe, parse
from segments.counting import count_audience
from segments.editing import editor_context, problem_of, read_draft, ticket_of
from segments.finding import find_customer
from segments.forms import SegmentForm
from segments.models import LifecycleStage, Segment
from segments.nesting import CycleError, problem_with
from segments.presets import predictions, preset
from segments.tree import flattened
from segments.upkeep import users_of
from segments.wording import kind_of, missing_scores, sentence_of

RECENT = 10


@require_safe
def segment_list(request: HttpRequest) -> HttpResponse:
    """Segments as a tree, each with its sentence; with `?archived=1` those that were put away."""
    is_archive = "archived" in request.GET
    shown = Segment.objects.filter(archived_at__isnull=not is_archive).select_related("parent")
    page = Paginator(flattened(shown), 50).get_page(request.GET.get("page"))
    waiting = missing_scores(segment for _, segment in page)
    rows = [(depth, one, sentence_of(one), kind_of(one), waiting.get(one.pk)) for depth, one in page]
    return render(request, "segments/list.html", {"page": page, "rows": rows, "is_archive": is_archive})


@shows_people("looked at a segment")
@require_safe
def segment_detail(request: HttpRequest, key: str) -> HttpResponse:
    """Who is in it, how that grew, who came and went; asked for a customer, on to why they are in it or not."""
    segment = _segment(key)
    asked = request.GET.get("customer", "").strip()
    customer = find_customer(asked) if asked else None
    if customer is not None:
        return redirect("segments:why", key, customer.public_id)
    context: dict[str, Any] = {
        "segment": segment,
        "sentence": sentence_of(segment),
        "kind": kind_of(segment),
        "waiting": missing_scores([segment]).get(segment.pk),
        "examples": membership.members(segment).order_by("-memberships__pk")[:6],
        "changes": segment.changes.select_related("customer").order_by("-pk")[:RECENT],
        "growth": history.growth(segment),
        "users": users_of(segment),
        "children": segment.children.active(),
        "fills": segment.fills.defer("unknown")[:5] if segment.is_static else (),
        "others": Segment.objects.active().exclude(pk=segment.pk).values_list("key", "name"),
        "asked": asked,
        "explain_problem": asked and "Nobody has this e-mail address or id.",
    }
    return render(request, "segments/detail.html", context)


@shows_people("looked at who is in a segment")
@require_safe
def segment_members(request: HttpRequest, key: str) -> HttpResponse:
    """Everybody in it and since when, page by page."""
    segment = _segment(key)
    page = cursor_page(membership.members(segment), cursor=request.GET.get("cursor", ""))
    since = dict(segment.memberships.filter(customer__in=page.rows).values_list("customer_id", "entered_at"))
    rows = [(customer, since.get(customer.pk)) for customer in page]
    return render(request, "segments/members.html", {"segment": segment, "page": page, "rows": rows})


@shows_people("looked at who came to a segment and left it")
@require_safe
def segment_changes(request: HttpRequest, key: str) -> HttpResponse:
    """Who came and went, and because of what, page by page."""
    segment = _segment(key)
    page = cursor_page(segment.changes.select_related("customer"), cursor=request.GET.get("cursor", ""))
    return render(request, "segments/changes.html", {"segment": segment, "page": page})


def _segment(key: str) -> Segment:
    return get_object_or_404(Segment.objects.select_related("parent"), key=key)


@require_POST
@editors_only
def segment_refresh(request: HttpRequest, key: str) -> HttpResponse:
    """Judge everybody anew, now."""
    segment = _segment(key)
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
    segment = _segment(key) if key else _new(request)
    if segment.is_static:
        return redirect("segments:fill", segment.key)
    form = SegmentForm(request.POST or None, instance=segment)
    act = request.POST.get("act", "")
    draft, problem = read_draft(request, segment.condition)
    if act == "save" and form.is_valid() and problem is None:
        form.instance.condition = draft
        problem = problem_of(draft) or problem_with(form.instance)
        if problem is None:
            return _saved(request, form)
    elif act not in ("", "save"):
        form.errors.clear()
    context = editor_context(request, draft, problem if act == "save" else None)
    if request.headers.get("HX-Request"):
        response = render(request, "segments/editor.html", context)
        response["HX-Trigger-After-Settle"] = "draft-changed"
        return response
    context |= {"form": form, "segment": segment, "predictions": predictions()}
    return render(request, "segments/edit.html", context)


def _new(request: HttpRequest) -> Segment:
    """A segment to begin with: empty, or by a stage or a prediction."""
    if stage := request.GET.get("stage"):
        found = get_object_or_404(LifecycleStage, key=stage)
        return Segment(name=found.name, condition={"stage": found.key})
    return preset(request.GET.get("prediction", ""))


def _saved(request: HttpRequest, form: SegmentForm) -> HttpResponse:
    if form.instance.pk is None:
        form.instance.created_by = cast(User, request.user)
    segment = form.save(commit=False)
    membership.store(segment)
    messages.success(request, f"Saved: {segment.member_count:,} customers are in this segment.")
    return redirect("segments:detail", segment.key)


@require_POST
@requires(Permission.READ)
def segment_count(request: HttpRequest) -> HttpResponse:
    """How many customers the draft in the form fits now, for the editor's side."""
    draft, problem = read_draft(request, None)
    context: dict[str, Any] = {"problem": problem}
    if problem is None:
        try:
            context |= _counted(parse(draft), request)
        except ConditionError as error:
            context["problem"] = editor.problem_in_words(error)
    return render(request, "segments/edit.html#count", context)


def _counted(condition: Condition, request: HttpRequest) -> dict[str, Any]:
    form = SegmentForm(
        {"name": "x", "as_of": request.POST.get("as_of", ""), "parent": request.POST.get("parent")}
    )
    form.is_valid()
    at = form.cleaned_data.get("as_of") or now()
    draft = Segment(condition=None, parent=form.cleaned_data.get("parent"))
    return {
        "sentence": describe(condition, currency=settings.REPORTING_CURRENCY),
        "audience": count_audience(
            membership.within_parent(draft, condition), now=at, ticket=ticket_of(request)
        ),
        "at": at,
    }
