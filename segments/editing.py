"""The condition that a form holds: read from a request, and shown again as sentences or as JSON."""

import json
import secrets
from typing import Any

from django.http import HttpRequest

from common.plain_data import PlainDataError, load_plain
from segments import drafting, editor
from segments.conditions import ConditionError, parse
from segments.event_names import own_names
from segments.models import LifecycleStage, Segment


def read_draft(request: HttpRequest, stored: Any) -> tuple[Any, str | None]:
    """Return the condition in the form (or the stored one, None if new) as JSON, and what makes its text unreadable."""
    if request.method != "POST":
        return stored, None
    if "json" in request.POST:
        try:
            return load_plain(request.POST["json"]), None
        except PlainDataError as error:
            return request.POST["json"], f"This is neither JSON nor YAML: {error}"
    draft = drafting.read(request.POST.dict())
    drafting.change(draft, request.POST.get("act", ""))
    return drafting.document_of(draft), None


def problem_of(document: Any) -> str | None:
    """Return why a condition cannot be read, with the place as the editor numbers it, or None."""
    try:
        parse(document)
    except ConditionError as error:
        return editor.problem_in_words(error)
    return None


def editor_context(request: HttpRequest, document: Any, problem: str | None) -> dict[str, Any]:
    """Return what `segments/editor.html` shows; `ticket` names this editor to the live count."""
    shown = _shown(request, document, problem)
    return {**shown, "ticket": request.POST.get("ticket") or secrets.token_urlsafe(9)}


def ticket_of(request: HttpRequest) -> str:
    """Return the name of the editor that asks, in this session."""
    ticket = request.POST.get("ticket", "")[:40]
    return f"{request.session.session_key}:{ticket}" if ticket else ""


def _shown(request: HttpRequest, document: Any, problem: str | None) -> dict[str, Any]:
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
    segments = Segment.objects.active().values_list("key", "name")
    stages = LifecycleStage.objects.values_list("key", "name")
    # A name that nobody has sent yet stays a choice of the row that mentions it.
    names = sorted({*own_names(), *drafting.own_events(group)})
    return {
        "group": editor.shown(group),
        **editor.choices(segments=segments, stages=stages, own_events=names),
    }
