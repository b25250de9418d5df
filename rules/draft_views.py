"""Pages that work on the draft: written with a live check, approved, planned, published; and going back."""

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from rules import drafts
from rules.documents import DocumentError
from rules.drafts import MovedOn, Refused, save_draft
from rules.files import dump_text, load_text
from rules.forms import DraftForm, ScheduleForm
from rules.models import RuleDraft, RuleSet, RuleSetVersion
from rules.standing import draft_of, in_words
from rules.versions import publish_draft, rollback
from rules.views import with_draft

EMPTY_DOCUMENT = """rules:
  - name: loyal
    when: {fact: orders_count, op: gte, value: 3}
    then: {show: name-of-a-block}
otherwise:
  show: name-of-another-block
"""


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def draft_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Write the draft; a new one begins as what is live, or as the version asked for."""
    rule_set = get_object_or_404(with_draft(), key=key)
    draft, begun = draft_of(rule_set), _begun_from(request, rule_set)
    initial = {
        "document": dump_text(begun.document) if begun else EMPTY_DOCUMENT,
        "note": draft.note if draft else "",
        "revision": rule_set.revision,
    }
    form = DraftForm(request.POST or None, initial=initial)
    if form.is_valid() and _saved(request, rule_set, form):
        messages.success(request, "The draft is saved.")
        return redirect("rules:detail", key)
    return render(request, "rules/edit.html", {"rule_set": rule_set, "form": form, "draft": draft})


def _begun_from(request: HttpRequest, rule_set: RuleSet) -> RuleSetVersion | RuleDraft | None:
    number = request.GET.get("version", "")
    if number.isdecimal() and len(number) < 9:
        return get_object_or_404(RuleSetVersion, rule_set=rule_set, number=number)
    return draft_of(rule_set) or rule_set.live_version


def _saved(request: HttpRequest, rule_set: RuleSet, form: DraftForm) -> bool:
    request.is_audited = True  # type: ignore[attr-defined]
    cleaned = form.cleaned_data
    try:
        save_draft(
            rule_set,
            cleaned["document"],
            author=cast(User, request.user),
            note=cleaned["note"],
            revision=cleaned["revision"] or 0,
        )
    except MovedOn as moved:
        form.follow(moved.rule_set.revision)
        form.add_error(None, str(moved))
    except DocumentError as error:
        form.add_error("document", str(error))
    return not form.errors


@require_POST
@requires(Permission.READ)
def draft_check(request: HttpRequest, key: str) -> HttpResponse:
    """What the rules that are being written say, what is odd about them, and how the test cases go."""
    rule_set = get_object_or_404(RuleSet, key=key)
    try:
        document = load_text(request.POST.get("document", ""))
        found: dict[str, object] = {"words": in_words(document, rule_set)}
    except DocumentError as error:
        found = {"unreadable": str(error)}
    return render(request, "rules/parts/words.html", found | {"is_live_check": True})


def _act(request: HttpRequest, key: str, act: Callable[[RuleSet, User, int], str]) -> HttpResponse:
    """Do one thing to a rule set, tell how it went, and show it."""
    rule_set = get_object_or_404(RuleSet, key=key)
    request.is_audited = True  # type: ignore[attr-defined]
    revision = request.POST.get("revision", "")
    try:
        seen = int(revision) if revision.isdecimal() and len(revision) < 10 else -1
        messages.success(request, act(rule_set, cast(User, request.user), seen))
    except (Refused, MovedOn, DocumentError) as refused:
        messages.error(request, str(refused))
    return redirect("rules:detail", key)


@require_POST
@requires(Permission.LAUNCH)
def draft_approve(request: HttpRequest, key: str) -> HttpResponse:
    """Stand by a colleague's draft."""

    def act(rule_set: RuleSet, user: User, revision: int) -> str:
        drafts.approve(rule_set, by=user, revision=revision)
        return "Approved: it can be published now."

    return _act(request, key, act)


@require_POST
@requires(Permission.LAUNCH)
def draft_publish(request: HttpRequest, key: str) -> HttpResponse:
    """Make the draft decide."""

    def act(rule_set: RuleSet, user: User, revision: int) -> str:
        version = publish_draft(rule_set, by=user, revision=revision)
        return f"Version {version.number} decides from now on."

    return _act(request, key, act)


@require_POST
@requires(Permission.LAUNCH)
def draft_schedule(request: HttpRequest, key: str) -> HttpResponse:
    """Plan the draft's publication, or take the plan back."""

    def act(rule_set: RuleSet, user: User, revision: int) -> str:
        if request.POST.get("act") == "unschedule":
            drafts.unschedule(rule_set, by=user, revision=revision)
            return "The draft is not planned any more."
        form = ScheduleForm(request.POST)
        if not form.is_valid():
            raise Refused("Give a date and a time.")
        at = form.cleaned_data["publish_at"]
        drafts.schedule(rule_set, at, by=user, revision=revision)
        return f"Planned for {at:%-d %B %Y %H:%M} UTC."

    return _act(request, key, act)


@require_POST
@editors_only
def draft_discard(request: HttpRequest, key: str) -> HttpResponse:
    """Throw the draft away."""

    def act(rule_set: RuleSet, user: User, revision: int) -> str:
        drafts.discard_draft(rule_set, by=user, revision=revision)
        return "The draft is discarded."

    return _act(request, key, act)


@require_POST
@editors_only
def draft_follow(request: HttpRequest, key: str) -> HttpResponse:
    """Let the draft follow what went live meanwhile, its words as they are."""

    def act(rule_set: RuleSet, user: User, revision: int) -> str:
        drafts.follow_live(rule_set, by=user, revision=revision)
        return "The draft follows what is live now; look at what it changes."

    return _act(request, key, act)


@require_POST
@requires(Permission.LAUNCH)
def version_rollback(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Write an old version anew and make it decide."""
    get_object_or_404(RuleSetVersion, rule_set__key=key, number=number)

    def act(rule_set: RuleSet, user: User, revision: int) -> str:
        why = request.POST.get("override", "")
        version = rollback(rule_set, number, by=user, revision=revision, override=why)
        return f"Version {version.number} says what version {number} said, and decides now."

    return _act(request, key, act)
