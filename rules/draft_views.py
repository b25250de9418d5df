"""Pages that work on the draft: written with a live check, approved, planned, published; and going back."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from rules.acts import (
    APPROVE,
    DISCARD,
    FOLLOW,
    PUBLISH,
    SCHEDULE,
    UNSCHEDULE,
    Act,
    number_in,
    perform,
    rollback_to,
)
from rules.documents import DocumentError
from rules.drafts import MovedOn, save_draft
from rules.files import dump_text, load_text
from rules.forms import DraftForm
from rules.models import RuleDraft, RuleSet, RuleSetVersion
from rules.standing import draft_of, worded
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
    form = draft_form(request, rule_set)
    if draft_saved(request, rule_set, form):
        return redirect("rules:detail", key)
    return render(
        request, "rules/edit.html", {"rule_set": rule_set, "form": form, "draft": draft_of(rule_set)}
    )


def draft_form(request: HttpRequest, rule_set: RuleSet) -> DraftForm:
    """Return the form on the draft, for the admin too."""
    draft, begun = draft_of(rule_set), _begun_from(request, rule_set)
    initial = {
        "document": dump_text(begun.document) if begun else EMPTY_DOCUMENT,
        "note": draft.note if draft else "",
        "revision": rule_set.revision,
    }
    return DraftForm(request.POST or None, initial=initial)


def _begun_from(request: HttpRequest, rule_set: RuleSet) -> RuleSetVersion | RuleDraft | None:
    if (number := number_in(request.GET.get("version", ""))) is not None:
        return get_object_or_404(RuleSetVersion, rule_set=rule_set, number=number)
    return draft_of(rule_set) or rule_set.live_version


def draft_saved(request: HttpRequest, rule_set: RuleSet, form: DraftForm) -> bool:
    """Save what was sent as the draft, for the admin too; whether it was, else the form says why not."""
    if not form.is_valid():
        return False
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
        return False
    except DocumentError as error:
        form.add_error("document", str(error))
        return False
    messages.success(request, "The draft is saved.")
    return True


@require_POST
@requires(Permission.READ)
def draft_check(request: HttpRequest, key: str) -> HttpResponse:
    """What the rules that are being written say, what is odd about them, and how the test cases go."""
    rule_set = get_object_or_404(RuleSet, key=key)
    try:
        found = worded(load_text(request.POST.get("document", "")), rule_set)
    except DocumentError as error:
        found = {"unreadable": str(error)}
    return render(request, "rules/parts/words.html", found | {"is_live_check": True})


def _act(request: HttpRequest, key: str, act: Act) -> HttpResponse:
    perform(request, get_object_or_404(RuleSet, key=key), act)
    return redirect("rules:detail", key)


@require_POST
@requires(APPROVE.permission)
def draft_approve(request: HttpRequest, key: str) -> HttpResponse:
    """Stand by a colleague's draft."""
    return _act(request, key, APPROVE)


@require_POST
@requires(PUBLISH.permission)
def draft_publish(request: HttpRequest, key: str) -> HttpResponse:
    """Make the draft decide."""
    return _act(request, key, PUBLISH)


@require_POST
@requires(SCHEDULE.permission)
def draft_schedule(request: HttpRequest, key: str) -> HttpResponse:
    """Plan the draft's publication, or take the plan back."""
    return _act(request, key, UNSCHEDULE if request.POST.get("act") == "unschedule" else SCHEDULE)


@require_POST
@requires(DISCARD.permission)
def draft_discard(request: HttpRequest, key: str) -> HttpResponse:
    """Throw the draft away."""
    return _act(request, key, DISCARD)


@require_POST
@requires(FOLLOW.permission)
def draft_follow(request: HttpRequest, key: str) -> HttpResponse:
    """Let the draft follow what went live meanwhile, its words as they are."""
    return _act(request, key, FOLLOW)


@require_POST
@requires(Permission.LAUNCH)
def version_rollback(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Write an old version anew and make it decide."""
    version = get_object_or_404(RuleSetVersion, rule_set__key=key, number=number)
    return _act(request, key, rollback_to(version))
