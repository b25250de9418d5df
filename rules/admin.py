"""Rules in the admin: the same workflow as on their pages, by the same functions.

Everything that changes something is a page with a question and a button that posts; nothing happens by a link.
"""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from accounts.roles import Permission
from rules.acts import APPROVE, DISCARD, FOLLOW, PUBLISH, SCHEDULE, UNSCHEDULE, Act, perform, rollback_to
from rules.draft_views import draft_form, draft_saved
from rules.forms import RuleTestForm, ScheduleForm
from rules.models import RuleSet, RuleSetVersion, RuleTest
from rules.standing import (
    draft_against_live,
    draft_of,
    side_by_side_versions,
    standing_of,
    state_of,
    worded,
)
from rules.views import simulated, with_draft


def in_admin_style(form: forms.BaseForm) -> None:
    """Give the fields of a form of the pages the looks of the admin."""
    for field in form.fields.values():
        old = field.widget
        if isinstance(old, forms.HiddenInput):
            continue
        if isinstance(old, forms.Textarea):
            field.widget = UnfoldAdminTextareaWidget(attrs={"rows": old.attrs.get("rows", 6)})
        elif isinstance(old, forms.Select):
            field.widget = UnfoldAdminSelectWidget(choices=old.choices)
        else:
            attrs = {"type": old.attrs["type"]} if "type" in old.attrs else {}
            field.widget = UnfoldAdminTextInputWidget(attrs=attrs)


class RuleTestAdminForm(RuleTestForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        in_admin_style(self)


class TestInline(StackedInline):
    """The stored test cases."""

    model = RuleTest
    form = RuleTestAdminForm
    extra = 0


class VersionInline(TabularInline):
    """The history of a rule set; nothing of it can be changed."""

    model = RuleSetVersion
    fk_name = "rule_set"
    fields = ["version", "note", "author", "approver", "based_on", "created_at"]
    readonly_fields = fields
    verbose_name_plural = "History"
    extra = 0
    max_num = 0
    can_delete = False
    hide_title = True
    per_page = 20

    @admin.display(description="version")
    def version(self, version: RuleSetVersion) -> str:
        """The number, leading to the version with its difference and the way back to it."""
        address = reverse("admin:rules_rulesetversion_change", args=[version.pk])
        return format_html('<a class="text-link" href="{}">Version {}</a>', address, version.number)

    @admin.display(description="based on")
    def based_on(self, version: RuleSetVersion) -> str:
        """The number of the version that it was written from."""
        return f"version {version.base.number}" if version.base else "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleSetVersion]:
        """Load the people with the versions."""
        return super().get_queryset(request).select_related("author", "approver", "base")

    def has_add_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        """Versions come from drafts."""
        return False


class Launching(ModelAdmin):
    """What only those see and press who may publish."""

    def has_launch_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Whether the colleague may publish rules."""
        return cast(User, request.user).may(Permission.LAUNCH)

    def page(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        """Show a page of our own inside the admin."""
        about = {"title": title, "opts": self.model._meta, "media": self.media}
        return render(request, template, self.admin_site.each_context(request) | about | context)

    def press(
        self, request: HttpRequest, rule_set: RuleSet, act: Act, *, form: forms.Form | None = None
    ) -> HttpResponse:
        """Ask, and do it when the answer is posted; then show the rule set."""
        address = reverse("admin:rules_ruleset_change", args=[rule_set.pk])
        if not cast(User, request.user).may(act.permission):
            raise PermissionDenied
        if request.method == "POST":
            perform(request, rule_set, act)
            return redirect(address)
        if form is not None:
            in_admin_style(form)
        context: dict[str, Any] = {"rule_set": rule_set, "act": act, "form": form, "back": address}
        draft = draft_of(rule_set)
        if draft is not None and act in (APPROVE, PUBLISH, SCHEDULE):
            context |= worded(draft.document, rule_set) | {"comparison": draft_against_live(rule_set)}
        return self.page(request, "admin/rules/act.html", f"{act.label}: {rule_set.name}", context)


@admin.register(RuleSet)
class RuleSetAdmin(Launching):
    list_display = ["name", "key", "slot", "live_version", "state"]
    list_select_related = ["live_version__rule_set", "draft"]
    search_fields = ["name", "key"]
    fields = ["name", "key", "slot", "needs_approval", "live_version"]
    readonly_fields = ["live_version"]
    inlines = [TestInline, VersionInline]
    change_form_outer_before_template = "admin/rules/standing.html"
    actions_detail = [
        "write",
        "compare",
        "simulate",
        "approve",
        "publish",
        {"title": "More", "items": ["schedule", "unschedule", "follow", "discard"]},
    ]

    @admin.display(description="state")
    def state(self, rule_set: RuleSet) -> str:
        """What becomes of the draft."""
        return state_of(rule_set)[0]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleSet]:
        """Load what is live, the draft and its people along."""
        return with_draft()

    def get_readonly_fields(self, request: HttpRequest, obj: RuleSet | None = None) -> Sequence[str]:
        """The key stays, a published slot too, and only an administrator takes the second person away."""
        fixed = [*self.readonly_fields, *(["key"] if obj else [])]
        fixed += ["slot"] if obj and obj.versions.exists() else []
        may_release = cast(User, request.user).may(Permission.ADMINISTER)
        return [*fixed, "needs_approval"] if obj and obj.needs_approval and not may_release else fixed

    def save_model(self, request: HttpRequest, obj: RuleSet, form: Any, change: bool) -> None:
        """Write what was edited only: meanwhile another version may have gone live."""
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name in form.fields])
        else:
            super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        """Rule sets are part of what was sent."""
        return False

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the buttons that would do something now."""
        rule_set = with_draft().filter(pk=object_id).first() if str(object_id).isdecimal() else None
        found = super().get_actions_detail(request, object_id)
        if rule_set is None:
            return found
        open_now = self._open_now(rule_set, cast(User, request.user))
        return [one for one in found if one.action_name.removeprefix("rules_ruleset_") in open_now]

    def _open_now(self, rule_set: RuleSet, user: User) -> set[str]:
        standing = standing_of(rule_set, user)
        is_planned = standing.draft is not None and standing.draft.publish_at is not None
        offered = {
            "write": True,
            "compare": standing.draft is not None and rule_set.live_version is not None,
            "simulate": standing.draft is not None and rule_set.live_version is not None,
            "approve": standing.may_approve,
            "publish": standing.may_publish,
            "schedule": standing.may_publish and not is_planned,
            "unschedule": is_planned,
            "follow": not standing.follows_live,
            "discard": standing.draft is not None,
        }
        return {name for name, is_open in offered.items() if is_open}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show how the draft stands above the form."""
        rule_set = with_draft().filter(pk=object_id).first() if object_id.isdecimal() else None
        context = extra_context or {}
        if rule_set is not None:
            context["standing"] = standing_of(rule_set, cast(User, request.user))
            if (shown := draft_of(rule_set) or rule_set.live_version) is not None:
                context |= worded(shown.document, rule_set)
        return super().change_view(request, object_id, form_url, context)

    @action(description="Edit the draft", url_path="draft", permissions=["change"], icon="edit")
    def write(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Write the draft."""
        rule_set = _found(object_id)
        form = draft_form(request, rule_set)
        if draft_saved(request, rule_set, form):
            return redirect("admin:rules_ruleset_change", rule_set.pk)
        in_admin_style(form)
        context = {"rule_set": rule_set, "form": form}
        return self.page(request, "admin/rules/draft.html", f"The draft of {rule_set.name}", context)

    @action(description="What differs", url_path="compare", permissions=["view"], icon="difference")
    def compare(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the draft against what is live."""
        rule_set = _found(object_id)
        context = {"rule_set": rule_set, "comparison": draft_against_live(rule_set)}
        return self.page(request, "admin/rules/comparison.html", f"What differs: {rule_set.name}", context)

    @action(description="Simulate", url_path="simulate", permissions=["view"], icon="groups")
    def simulate(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show whose decisions the draft changes."""
        context = simulated(request, _found(object_id))
        in_admin_style(context["form"])
        title = f"What would change: {context['rule_set'].name}"
        return self.page(request, "admin/rules/simulation.html", title, context)

    @action(description=APPROVE.label, url_path="approve", permissions=["launch"], icon="check")
    def approve(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Stand by a colleague's draft."""
        return self.press(request, _found(object_id), APPROVE)

    @action(description=PUBLISH.label, url_path="publish", permissions=["launch"], icon="send")
    def publish(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Make the draft decide."""
        return self.press(request, _found(object_id), PUBLISH)

    @action(description=SCHEDULE.label, url_path="schedule", permissions=["launch"], icon="schedule")
    def schedule(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Plan the draft's publication."""
        return self.press(request, _found(object_id), SCHEDULE, form=ScheduleForm())

    @action(description=UNSCHEDULE.label, url_path="unschedule", permissions=["launch"], icon="event_busy")
    def unschedule(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take the plan back."""
        return self.press(request, _found(object_id), UNSCHEDULE)

    @action(description=FOLLOW.label, url_path="follow", permissions=["change"], icon="low_priority")
    def follow(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Let the draft follow what went live meanwhile."""
        return self.press(request, _found(object_id), FOLLOW)

    @action(description=DISCARD.label, url_path="discard", permissions=["change"], icon="delete")
    def discard(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Throw the draft away."""
        return self.press(request, _found(object_id), DISCARD)


def _found(object_id: int) -> RuleSet:
    return get_object_or_404(with_draft(), pk=object_id)


class OverrideForm(forms.Form):
    """Why to go back although test cases fail; an administrator's word."""

    override = forms.CharField(
        required=False,
        max_length=300,
        label="Although tests fail, because",
        help_text="Kept with the version.",
    )


@admin.register(RuleSetVersion)
class RuleSetVersionAdmin(Launching):
    """One version: what it says, what was new in it, and the way back to it."""

    fields = [
        "rule_set",
        "number",
        "note",
        "author",
        "approver",
        "override",
        "base",
        "checksum",
        "created_at",
    ]
    readonly_fields = fields
    list_select_related = ["rule_set", "author", "approver"]
    list_display = ["rule_set", "number", "note", "author", "approver", "created_at"]
    change_form_outer_before_template = "admin/rules/version.html"
    actions_detail = ["rollback"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Versions come from drafts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: RuleSetVersion | None = None) -> bool:
        """A stored version never changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: RuleSetVersion | None = None) -> bool:
        """Versions are part of what was sent."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the rules in words, and against the version they were written from."""
        found = RuleSetVersion.objects.select_related("rule_set", "base").filter(pk=object_id)
        version = found.first() if object_id.isdecimal() else None
        context = extra_context or {}
        if version is not None:
            context |= worded(version.document, version.rule_set)
            if version.base is not None:
                context["comparison"] = side_by_side_versions(version.base, version)
        return super().change_view(request, object_id, form_url, context)

    @action(description="Back to this version", url_path="rollback", permissions=["launch"], icon="history")
    def rollback(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Write this version anew and make it decide."""
        version = get_object_or_404(RuleSetVersion.objects.select_related("rule_set"), pk=object_id)
        may_override = cast(User, request.user).may(Permission.ADMINISTER)
        form = OverrideForm() if may_override else None
        return self.press(request, _found(version.rule_set_id), rollback_to(version), form=form)
