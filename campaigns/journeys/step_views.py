"""The steps of a journey's draft, one by one: added, changed, moved and removed by forms."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import editors_only
from campaigns.journeys.documents import Document, JourneyError, parse_document
from campaigns.journeys.drafting import (
    Raw,
    names_of,
    with_changed_step,
    with_moved_step,
    with_step,
    without_step,
)
from campaigns.journeys.forms import DocumentForm
from campaigns.journeys.step_forms import FORMS, StepForm, form_of
from campaigns.journeys.ways import judged_splits
from campaigns.journeys.wording import rules_of, sentence_of, trigger_sentence
from campaigns.models import Journey
from rules.documents import checksum

_MOVES = {"up": -1, "down": 1}
_CHANGED = "A colleague changed the steps meanwhile. Look at them first."


@require_safe
@editors_only
def journey_steps(request: HttpRequest, key: str) -> HttpResponse:
    """Show the steps of the draft in order, with what can be done to each."""
    journey = get_object_or_404(Journey.objects.select_related("live_version"), key=key)
    try:
        document = parse_document(journey.draft)
    except JourneyError as error:
        messages.error(request, f"The draft cannot be read: {error}")
        return redirect("campaigns:journey_edit", key)
    live, names = journey.live_version, names_of(journey.draft)
    after = request.GET.get("after", "")
    after = after if after in names else names[-1]
    return render(
        request,
        "journeys/steps.html",
        {
            "journey": journey,
            "rows": _rows(document, journey.draft),
            "trigger": trigger_sentence(document.trigger),
            "rules": rules_of(document),
            "kinds": [{"key": kind, "label": form.label, "says": form.says} for kind, form in FORMS.items()],
            "after": after,
            "after_sentence": f"After “{after}”",
            "state": checksum(journey.draft),
            "form": DocumentForm(
                initial={"document": journey.draft, "base": live.number if live else 0}, auto_id="publish_%s"
            ),
            "is_live": live is not None and live.document == journey.draft,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def journey_step_new(request: HttpRequest, key: str, kind: str) -> HttpResponse:
    """Add a step of a kind, after the one that `after` names; without it as the first."""
    journey = get_object_or_404(Journey, key=key)
    if kind not in FORMS:
        raise Http404("There is no such kind of step.")
    names = names_of(journey.draft)
    after = request.GET.get("after", "")
    place = names.index(after) + 1 if after in names else 0
    form = FORMS[kind](request.POST or None, raw=None, below=names[place:])
    if form.is_valid():
        draft = with_step(journey.draft, form.step(), at=place)
        if form.may_stand_in(draft) and _kept(request, journey, draft, form):
            return _onward(journey, form)
    return _shown(request, journey, form, {"after": after})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def journey_step(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """Change a step."""
    journey = get_object_or_404(Journey, key=key)
    names = names_of(journey.draft)
    if name not in names:
        raise Http404("The draft has no such step.")
    place = names.index(name)
    raw = journey.draft["steps"][place]
    made = form_of(raw)
    if made is None:
        messages.info(request, "This step is written as YAML.")
        return redirect("campaigns:journey_edit", key)
    form = made(request.POST or None, raw=raw, below=names[place + 1 :])
    if form.is_valid():
        draft = with_changed_step(journey.draft, form.step(), name=name)
        if form.may_stand_in(draft) and _kept(request, journey, draft, form):
            return _onward(journey, form)
    return _shown(request, journey, form, {"name": name})


@require_POST
@editors_only
def journey_step_act(request: HttpRequest, key: str, name: str, act: str) -> HttpResponse:
    """Move a step up or down, or remove it."""
    journey = get_object_or_404(Journey, key=key)
    if name not in names_of(journey.draft):
        raise Http404("The draft has no such step.")
    if act == "remove" and len(journey.draft["steps"]) == 1:
        messages.error(request, "A journey has one step at least.")
        return redirect("campaigns:journey_steps", key)
    draft = (
        without_step(journey.draft, name)
        if act == "remove"
        else with_moved_step(journey.draft, name, by=_MOVES[act])
    )
    if not _stored(journey, draft, seen=request.POST.get("state", "")):
        messages.error(request, _CHANGED)
    return redirect("campaigns:journey_steps", key)


def _kept(request: HttpRequest, journey: Journey, draft: Raw, form: StepForm) -> bool:
    if _stored(journey, draft, seen=request.POST.get("state", "")):
        messages.success(request, "Kept in the draft: nothing changes for customers before it is published.")
        return True
    form.add_error(None, _CHANGED)
    return False


def _stored(journey: Journey, draft: Raw, *, seen: str) -> bool:
    """Store the draft, unless it has changed since the page was shown."""
    with transaction.atomic():
        locked = Journey.objects.select_for_update(no_key=True).get(pk=journey.pk)
        if checksum(locked.draft) != seen:
            return False
        locked.draft = draft
        locked.save(update_fields=["draft"])
    return True


def _onward(journey: Journey, form: StepForm) -> HttpResponse:
    """Go back to the steps; to the step itself where its experiment's variants are to be led somewhere."""
    if form.kind == "split" and (form.raw or {}).get("split") != form.step()["split"]:
        return redirect("campaigns:journey_step", journey.key, form.cleaned_data["name"])
    return redirect("campaigns:journey_steps", journey.key)


def _shown(request: HttpRequest, journey: Journey, form: StepForm, more: dict[str, Any]) -> HttpResponse:
    state = request.POST.get("state") or checksum(journey.draft)
    return render(request, "journeys/step.html", {"journey": journey, "form": form, "state": state, **more})


def _rows(document: Document, draft: Raw) -> list[dict[str, Any]]:
    """Each step with its sentence and where it leads, where that is not simply the next one."""
    judged, rows = judged_splits(document), []
    for place, step in enumerate(document.steps):
        following = document.steps[place + 1].name if place + 1 < len(document.steps) else "end"
        ways = [(outcome, target) for outcome, target in step.ways.items() if target != following]
        rows.append(
            {
                "name": step.name,
                "sentence": sentence_of(step),
                "experiment": judged.get(step.name),
                "ways": ways,
                "has_form": form_of(draft["steps"][place]) is not None,
            }
        )
    return rows
