"""Pages of rule sets: the list, one with its draft and versions, what differs between two, and the simulation."""

from typing import Any, cast

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.models import User
from accounts.permissions import editors_only
from common.clock import now
from common.pagination import cursor_page
from rules.acts import number_in
from rules.documents import DocumentError, parse_document
from rules.files import dump_text
from rules.forms import RuleSetForm, ScheduleForm, SimulationForm
from rules.models import RuleSet
from rules.schema import document_schema
from rules.simulation import TooSlow, simulate
from rules.standing import (
    Comparison,
    draft_against_live,
    draft_of,
    side_by_side_versions,
    standing_of,
    state_of,
    worded,
)

VERSIONS_A_PAGE = 20


def with_draft() -> QuerySet[RuleSet]:
    """Rule sets with what is live and the draft, and the people of both."""
    return RuleSet.objects.select_related(
        "live_version__author", "draft__author", "draft__approver", "draft__scheduled_by", "draft__base"
    )


@require_safe
def rule_set_list(request: HttpRequest) -> HttpResponse:
    """All rule sets by name, with the version that decides and the state of the draft."""
    page = Paginator(with_draft(), 50).get_page(request.GET.get("page"))
    rows = [(rule_set, *state_of(rule_set)) for rule_set in page]
    return render(request, "rules/list.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def rule_set_new(request: HttpRequest) -> HttpResponse:
    """A new rule set; its rules are written on the next page."""
    form = RuleSetForm(request.POST or None)
    if form.is_valid():
        return redirect("rules:edit", form.save().key)
    return render(request, "rules/new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
@transaction.atomic
def rule_set_settings(request: HttpRequest, key: str) -> HttpResponse:
    """Name, slot until it is published, and a second person, whom only an administrator takes away again."""
    rule_sets = RuleSet.objects.all()
    rule_set = get_object_or_404(
        rule_sets.select_for_update() if request.method == "POST" else rule_sets, key=key
    )
    form = RuleSetForm(request.POST or None, instance=rule_set)
    form.fields["key"].disabled = True
    form.fields["slot"].disabled = rule_set.versions.exists()
    if rule_set.needs_approval and not cast(User, request.user).may_administer:
        form.fields["needs_approval"].disabled = True
    if form.is_valid():
        form.save(commit=False).save(update_fields=form.changed_data)
        return redirect("rules:detail", key)
    return render(request, "rules/new.html", {"form": form, "rule_set": rule_set})


@require_safe
def rule_set_detail(request: HttpRequest, key: str) -> HttpResponse:
    """The draft with what it changes and what hinders it, the rules in words, test cases and all versions."""
    rule_set = get_object_or_404(with_draft(), key=key)
    chosen = number_in(request.GET.get("version", ""))
    version = rule_set.versions.filter(number=chosen).first() if chosen is not None else None
    shown = version or draft_of(rule_set) or rule_set.live_version
    history = rule_set.versions.select_related("author", "approver", "base")
    context: dict[str, Any] = {
        "rule_set": rule_set,
        "standing": standing_of(rule_set, cast(User, request.user)),
        "comparison": _compared(request, rule_set) or (None if version else draft_against_live(rule_set)),
        "versions": cursor_page(history, cursor=request.GET.get("cursor", ""), size=VERSIONS_A_PAGE),
        "tests": rule_set.tests.all(),
        "shown": shown,
        "shown_version": version or (None if draft_of(rule_set) else rule_set.live_version),
        "schedule_form": ScheduleForm(),
    }
    if shown is not None:
        context |= {"yaml": dump_text(shown.document), **worded(shown.document, rule_set)}
    return render(request, "rules/detail.html", context)


def _compared(request: HttpRequest, rule_set: RuleSet) -> Comparison | None:
    numbers = [number_in(request.GET.get(end, "")) for end in ("from", "to")]
    found = {one.number: one for one in rule_set.versions.filter(number__in=[n for n in numbers if n])}
    before, after = (found.get(number or 0) for number in numbers)
    return side_by_side_versions(before, after) if before and after else None


@require_safe
def rule_set_simulate(request: HttpRequest, key: str) -> HttpResponse:
    """How many decisions the draft would change, of whom, with examples; asked for by choosing an audience."""
    rule_set = get_object_or_404(with_draft(), key=key)
    return render(request, "rules/simulate.html", simulated(request, rule_set))


def simulated(request: HttpRequest, rule_set: RuleSet) -> dict[str, Any]:
    """Return what a page of the simulation shows, for the admin too; a look at examples is noted."""
    draft, live = draft_of(rule_set), rule_set.live_version
    form = SimulationForm(request.GET if "segment" in request.GET else None)
    context: dict[str, Any] = {"rule_set": rule_set, "form": form, "draft": draft, "live": live}
    if draft and live and form.is_valid():
        try:
            before, after = parse_document(live.document), parse_document(draft.document)
            segment = form.cleaned_data["segment"]
            simulation = context["simulation"] = simulate(before, after, segment=segment, now=now())
            if simulation.examples:
                count = f"{len(simulation.examples)} customers"
                audit.record(request.user, "looked at a simulation of rules", rule_set, detail=count)
        except (DocumentError, TooSlow) as error:
            context["problem"] = str(error)
    return context


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The JSON Schema of rule sets' files, for editors."""
    return JsonResponse(document_schema(), content_type="application/schema+json")
