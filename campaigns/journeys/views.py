"""Pages of journeys: the list, one with its counts, its steps, and a run that is only tried."""

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from campaigns import tasks
from campaigns.journeys import versions
from campaigns.journeys.counting import figures_of, on_their_way
from campaigns.journeys.documents import Document, JourneyError, parse_document
from campaigns.journeys.forms import DocumentForm, JourneyForm, SimulationForm
from campaigns.journeys.simulating import simulate
from campaigns.journeys.starters import STARTERS
from campaigns.journeys.ways import document_of, judged_splits
from campaigns.journeys.wording import ENDINGS, rules_of, sentence_of, trigger_sentence
from campaigns.models import Journey, JourneyVersion
from common.pagination import cursor_page
from segments.finding import find_customer


@require_safe
def journey_list(request: HttpRequest) -> HttpResponse:
    """All journeys, newest first."""
    page = cursor_page(Journey.objects.select_related("live_version"), cursor=request.GET.get("cursor", ""))
    numbers = on_their_way(journey.pk for journey in page.rows)
    rows = [(journey, numbers.get(journey.pk, 0)) for journey in page.rows]
    return render(request, "journeys/list.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def journey_new(request: HttpRequest) -> HttpResponse:
    """Begin a journey, from a starter or from nothing."""
    form = JourneyForm(request.POST or None)
    if form.is_valid():
        journey = form.save(by=cast(User, request.user))
        return redirect("campaigns:journey_edit", journey.key)
    return render(request, "journeys/new.html", {"form": form, "starters": STARTERS.values()})


@require_safe
def journey_detail(request: HttpRequest, key: str) -> HttpResponse:
    """A version with how many are where: the live one, or one that was asked for."""
    journey = get_object_or_404(Journey.objects.select_related("live_version", "sender"), key=key)
    number = request.GET.get("version", "")
    shown = journey.live_version
    if number.isdecimal() and len(number) < 9:
        shown = get_object_or_404(JourneyVersion, journey=journey, number=int(number))
    context: dict[str, Any] = {"journey": journey, "shown": shown, "versions": journey.versions.all()[:20]}
    if shown is not None:
        document = document_of(shown.pk)
        context |= {"rows": _rows(document, shown), "trigger": trigger_sentence(document.trigger)}
        context |= {"rules": rules_of(document), "present": versions.present_count(journey)}
    return render(request, "journeys/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def journey_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Write the steps: kept as a draft, or published as the next version."""
    journey = get_object_or_404(Journey.objects.select_related("live_version"), key=key)
    live = journey.live_version.number if journey.live_version else 0
    form = DocumentForm(request.POST or None, initial={"document": journey.draft, "base": live})
    if form.is_valid():
        if form.cleaned_data["base"] not in (None, live):
            form.add_error(None, f"A colleague has published version {live} meanwhile; look at it first.")
        elif _saved(request, journey, form):
            return redirect("campaigns:journey", journey.key)
    return render(request, "journeys/edit.html", {"journey": journey, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def journey_try(request: HttpRequest, key: str) -> HttpResponse:
    """What one customer would go through, with the clock moved; of the draft."""
    journey = get_object_or_404(Journey, key=key)
    form = SimulationForm(request.POST or None)
    context: dict[str, Any] = {"journey": journey, "form": form}
    if form.is_valid():
        context |= _tried(request, journey, form)
    return render(request, "journeys/try.html", context)


@require_POST
@requires(Permission.LAUNCH)
def journey_steer(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Open, pause or close a journey."""
    journey = get_object_or_404(Journey.objects.exclude(live_version=None), key=key)
    if act == "open":
        versions.open_to_customers(journey)
        if request.POST.get("with_present") == "yes":
            tasks.enter_present_customers.delay(journey.pk)
            messages.success(request, "Open. Who is there already enters one after another.")
        else:
            messages.success(request, "Open: customers enter from now on.")
    elif journey.state == Journey.State.DRAFT:
        messages.error(request, "The journey was never opened.")
    else:
        (versions.pause if act == "pause" else versions.close)(journey)
        messages.success(request, "Paused." if act == "pause" else "Closed: nobody enters any more.")
    return redirect("campaigns:journey", key)


def _saved(request: HttpRequest, journey: Journey, form: DocumentForm) -> bool:
    """Keep what was written; publish it where that was asked for, and say on the form why it cannot be."""
    data = form.cleaned_data
    journey.draft = data["document"]
    journey.webhook_secret = data["webhook_secret"] or journey.webhook_secret
    journey.save(update_fields=["draft", "webhook_secret"])
    if "publish" not in request.POST:
        messages.success(request, "Kept as a draft: nothing changes for customers.")
        return True
    if journey.state != Journey.State.DRAFT and not cast(User, request.user).may(Permission.LAUNCH):
        form.add_error(
            None, "Kept as a draft. Customers are let into this journey: who may launch publishes it."
        )
        return False
    try:
        version = versions.publish(
            journey, data["document"], by=cast(User, request.user), note=data["note"], move=data["move"]
        )
    except JourneyError as error:
        form.add_error("document", str(error))
        return False
    messages.success(request, f"Version {version.number} is live.")
    return True


def _tried(request: HttpRequest, journey: Journey, form: SimulationForm) -> dict[str, Any]:
    customer = find_customer(form.cleaned_data["customer"].strip())
    if customer is None:
        form.add_error("customer", "There is no customer with this address or id.")
        return {}
    audit.record(cast(User, request.user), "tried a journey for somebody", customer, detail=journey.key)
    try:
        document = parse_document(journey.draft)
    except JourneyError as error:
        form.add_error(None, f"The draft cannot be read: {error}")
        return {}
    data = form.cleaned_data
    lines = simulate(document, customer, start=data["start"], events_come=data["events_come"])
    return {"customer": customer, "lines": lines, "trigger": trigger_sentence(document.trigger)}


def _rows(document: Document, version: JourneyVersion) -> list[dict[str, Any]]:
    """Each step with its sentence, where it leads, and its figures."""
    figures = figures_of(version)
    judged = judged_splits(document)
    rows = []
    for step in document.steps:
        found = figures.get(step.name)
        outcomes = {} if found is None else dict(found.outcomes)
        ways = [(name, target, outcomes.pop(name, 0)) for name, target in step.ways.items()]
        ends = [(ENDINGS.get(name, name), number) for name, number in outcomes.items()]
        row = {"step": step, "sentence": sentence_of(step), "figures": found, "ways": ways, "ends": ends}
        rows.append(row | {"experiment": judged.get(step.name)})
    return rows
