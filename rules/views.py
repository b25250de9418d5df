"""Pages of rule sets: the list, one with its versions and what differs between them, and a new version."""

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from rules.deciding import document_of
from rules.documents import DocumentError
from rules.files import dump_text
from rules.forms import RuleSetForm, VersionForm
from rules.models import RuleSet, RuleSetVersion
from rules.versions import MovedOn, publish, rollback, save_version
from rules.wording import compare, describe_actions, describe_rule, text_diff

EMPTY_DOCUMENT = """rules:
  - name: loyal
    when: {fact: orders_count, op: gte, value: 3}
    then: {show: name-of-a-block}
otherwise:
  show: name-of-another-block
"""


@require_safe
def rule_set_list(request: HttpRequest) -> HttpResponse:
    """All rule sets with the version that decides."""
    rule_sets = RuleSet.objects.select_related("live_version").annotate(
        version_count=Count("versions"), latest_at=Max("versions__created_at")
    )
    return render(request, "rules/list.html", {"rule_sets": rule_sets})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def rule_set_new(request: HttpRequest) -> HttpResponse:
    """A new rule set; its rules are written on the next page."""
    form = RuleSetForm(request.POST or None)
    if form.is_valid():
        return redirect("rules:edit", form.save().key)
    return render(request, "rules/new.html", {"form": form})


@require_safe
def rule_set_detail(request: HttpRequest, key: str) -> HttpResponse:
    """The rules of one version in words, all versions, and two of them side by side."""
    rule_set = get_object_or_404(RuleSet.objects.select_related("live_version"), key=key)
    versions = list(rule_set.versions.select_related("author", "base"))
    by_number = {str(version.number): version for version in versions}
    latest = versions[0] if versions else None
    shown = by_number.get(request.GET.get("version", ""), rule_set.live_version or latest)
    context: dict[str, Any] = {"rule_set": rule_set, "versions": versions, "shown": shown}
    if shown is not None:
        context |= _in_words(shown)
    before, after = (by_number.get(request.GET.get(end, "")) for end in ("from", "to"))
    if before and after:
        context |= _compared(before, after)
    return render(request, "rules/detail.html", context)


def _in_words(version: RuleSetVersion) -> dict[str, Any]:
    document = document_of(version)
    currency = settings.REPORTING_CURRENCY
    return {
        "sentences": [(rule.name, describe_rule(rule, currency=currency)) for rule in document.rules],
        "otherwise": describe_actions(document.otherwise),
        "yaml": dump_text(version.document),
    }


def _compared(before: RuleSetVersion, after: RuleSetVersion) -> dict[str, Any]:
    currency = settings.REPORTING_CURRENCY
    return {
        "before": before,
        "after": after,
        "differences": compare(document_of(before), document_of(after), currency=currency),
        "lines": text_diff(before, after),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def version_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Write the next version, from the latest one."""
    rule_set = get_object_or_404(RuleSet, key=key)
    latest = rule_set.versions.first()
    written = dump_text(latest.document) if latest else EMPTY_DOCUMENT
    base = latest.number if latest else 0
    form = VersionForm(request.POST or None, initial={"document": written, "base": base})
    if form.is_valid():
        try:
            version = save_version(
                rule_set,
                form.cleaned_data["document"],
                author=cast(User, request.user),
                note=form.cleaned_data["note"],
                written_from=form.cleaned_data["base"],
            )
        except MovedOn as moved:
            form.follow(moved.latest.number)
            form.add_error(None, str(moved))
        except DocumentError as error:
            form.add_error("document", str(error))
        else:
            return _after_saving(request, version, is_new=version != latest)
    return render(request, "rules/edit.html", {"rule_set": rule_set, "form": form, "latest": latest})


def _after_saving(request: HttpRequest, version: RuleSetVersion, *, is_new: bool) -> HttpResponse:
    if request.POST.get("act") == "publish":
        publish(version)
        messages.success(request, f"Version {version.number} decides from now on.")
    elif is_new:
        messages.success(request, f"Version {version.number} is saved; publish it to have it decide.")
    else:
        messages.info(request, f"Nothing differs from version {version.number}, so none was added.")
    return redirect("rules:detail", version.rule_set.key)


@require_POST
@requires(Permission.LAUNCH)
def version_publish(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Make a version decide."""
    version = get_object_or_404(RuleSetVersion, rule_set__key=key, number=number)
    publish(version)
    messages.success(request, f"Version {number} decides from now on.")
    return redirect("rules:detail", key)


@require_POST
@requires(Permission.LAUNCH)
def version_rollback(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Write an old version anew and make it decide."""
    old = get_object_or_404(
        RuleSetVersion.objects.select_related("rule_set"), rule_set__key=key, number=number
    )
    try:
        version = rollback(old.rule_set, number, cast(User, request.user))
    except DocumentError as error:
        messages.error(request, f"Not rolled back: {error}")
    else:
        messages.success(
            request, f"Version {version.number} says what version {number} said, and decides now."
        )
    return redirect("rules:detail", key)
