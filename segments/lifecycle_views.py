"""Pages of the lifecycle: the stages, who moved between them, and the editor of one stage with its effect."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import shows_people
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from common.clock import now
from common.pagination import cursor_page
from segments import editor, stages
from segments.conditions import ConditionError, describe, parse
from segments.editing import editor_context, problem_of, read_draft
from segments.forms import StageForm
from segments.models import Lifecycle, LifecycleStage, StageChange
from segments.nesting import problem_with_stages
from segments.stages import BadStages


@require_safe
def lifecycle_detail(request: HttpRequest) -> HttpResponse:
    """The stages with their members, last month's moves, and with `?order=` the effect of another order."""
    stored = stages.stored_stages()
    row = Lifecycle.objects.first()
    context: dict[str, Any] = {
        "row": row,
        "total": sum(one.member_count for one in stored),
        "moves": stages.moves(stored),
    }
    shown = stored
    if asked := request.GET.get("order"):
        try:
            shown = stages.in_order(asked.split(","), stored)
        except BadStages as error:
            messages.error(request, str(error))
        else:
            context |= {"order": asked, "preview": _previewed(shown, row)}
    context["stages"] = [(one, *_neighbours(shown, place), _sentence(one)) for place, one in enumerate(shown)]
    return render(request, "segments/lifecycle.html", context)


@shows_people("looked at moves between stages")
@require_safe
def lifecycle_changes(request: HttpRequest) -> HttpResponse:
    """Every move from stage to stage with its cause, page by page."""
    page = cursor_page(StageChange.objects.select_related("customer"), cursor=request.GET.get("cursor", ""))
    names = dict(LifecycleStage.objects.values_list("key", "name"))
    rows = [
        (one, names.get(one.from_stage, one.from_stage), names.get(one.to_stage, one.to_stage))
        for one in page
    ]
    return render(request, "segments/lifecycle_changes.html", {"page": page, "rows": rows})


@require_POST
@editors_only
def lifecycle_order(request: HttpRequest) -> HttpResponse:
    """Store another order."""
    try:
        order = request.POST.get("order", "").split(",")
        stages.save_stages(partial(stages.in_order, order))
    except (BadStages, ConditionError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Saved, and everybody is where the new order puts them.")
    return redirect("segments:lifecycle")


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def stage_edit(request: HttpRequest, key: str | None = None) -> HttpResponse:
    """The editor of one stage; that of everybody else has a name only."""
    stage = get_object_or_404(LifecycleStage, key=key) if key else LifecycleStage(condition=None)
    is_rest = bool(stage.pk) and stage.condition is None
    form = StageForm(request.POST or None, instance=stage)
    act = request.POST.get("act", "")
    draft, problem = (None, None) if is_rest else read_draft(request, stage.condition)
    if act == "save" and form.is_valid() and problem is None:
        stage.condition = draft
        problem = None if is_rest else problem_of(draft)
        if problem is None and (problem := _refusal(stage)) is None:
            messages.success(request, f"Saved: {stage.name} has {_members(stage):,} customers.")
            return redirect("segments:lifecycle")
    elif act not in ("", "save"):
        form.errors.clear()
    context = {} if is_rest else editor_context(request, draft, problem if act == "save" else None)
    if request.headers.get("HX-Request"):
        response = render(request, "segments/editor.html", context)
        response["HX-Trigger-After-Settle"] = "draft-changed"
        return response
    return render(
        request,
        "segments/stage_edit.html",
        {"problem": problem, **context, "form": form, "stage": stage, "is_rest": is_rest},
    )


@require_POST
@requires(Permission.READ)
def stage_preview(request: HttpRequest, key: str | None = None) -> HttpResponse:
    """How many would be in each stage by the draft in the form, and how many would move."""
    stage = (
        get_object_or_404(LifecycleStage, key=key)
        if key
        else LifecycleStage(key="a-new-stage", name="The new stage")
    )
    draft, problem = read_draft(request, None)
    context: dict[str, Any] = {"problem": problem or problem_of(draft)}
    if context["problem"] is None:
        stage.condition = draft
        try:
            drafted = stages.with_draft(stage, stages.stored_stages())
            context["problem"] = problem_with_stages(drafted)
        except BadStages as error:
            context["problem"] = str(error)
    if context["problem"] is None:
        preview = _previewed(drafted, Lifecycle.objects.first())
        context |= {"preview": preview, "sentence": _sentence(stage)}
    return render(request, "segments/stage_edit.html#preview", context)


@require_POST
@editors_only
def stage_delete(request: HttpRequest, key: str) -> HttpResponse:
    """Take a stage out; its customers go where the others put them."""
    stage = get_object_or_404(LifecycleStage, key=key)
    try:
        stages.save_stages(partial(stages.without, stage.key))
    except (BadStages, ConditionError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"“{stage.name}” is gone; its customers are in other stages.")
    return redirect("segments:lifecycle")


def _refusal(stage: LifecycleStage) -> str | None:
    try:
        stages.save_stages(partial(stages.with_draft, stage))
    except BadStages as error:
        return str(error)
    except ConditionError as error:
        return editor.problem_in_words(error)
    return None


def _members(stage: LifecycleStage) -> int:
    return LifecycleStage.objects.values_list("member_count", flat=True).get(pk=stage.pk)


def _previewed(shown: list[LifecycleStage], row: Lifecycle | None) -> stages.Preview | None:
    return stages.preview(shown, at=(row and row.as_of) or now())


def _neighbours(shown: list[LifecycleStage], place: int) -> tuple[str, str]:
    """The orders in which this stage has changed places with the one above, and with the one below; empty for none."""
    keys = [one.key for one in shown]

    def swapped(first: int) -> str:
        if first < 0 or first + 1 >= len(keys) - 1:
            return ""
        return ",".join([*keys[:first], keys[first + 1], keys[first], *keys[first + 2 :]])

    return swapped(place - 1) if place < len(keys) - 1 else "", swapped(place)


def _sentence(stage: LifecycleStage) -> str:
    if stage.condition is None:
        return "Everybody else."
    try:
        return describe(parse(stage.condition), currency=settings.REPORTING_CURRENCY) + "."
    except ConditionError as error:
        return f"The condition cannot be read: {error}"
