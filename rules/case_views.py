"""Pages of stored test cases: one written, changed or deleted."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit
from accounts.models import User
from accounts.permissions import editors_only
from rules.forms import RuleTestForm
from rules.models import RuleSet, RuleTest

EMPTY_CUSTOMER = "attributes: {country: GB}\nfacts: {orders_count: 3}\n"
EMPTY_EXPECTED = "show: name-of-a-block\n"


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def case_edit(request: HttpRequest, key: str, pk: int | None = None) -> HttpResponse:
    """Write a new case, or change one."""
    rule_set = get_object_or_404(RuleSet, key=key)
    case = get_object_or_404(RuleTest, rule_set=rule_set, pk=pk) if pk else RuleTest(rule_set=rule_set)
    initial = {} if pk else {"customer": EMPTY_CUSTOMER, "expected": EMPTY_EXPECTED}
    form = RuleTestForm(request.POST or None, instance=case, initial=initial)
    if form.is_valid():
        request.is_audited = True  # type: ignore[attr-defined]
        audit.record(cast(User, request.user), "saved a test of rules", rule_set, detail=form.save().name)
        messages.success(request, "The test is saved.")
        return redirect("rules:detail", key)
    return render(request, "rules/test.html", {"rule_set": rule_set, "form": form, "case": case})


@require_POST
@editors_only
def case_delete(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Delete a case."""
    case = get_object_or_404(RuleTest.objects.select_related("rule_set"), rule_set__key=key, pk=pk)
    request.is_audited = True  # type: ignore[attr-defined]
    audit.record(cast(User, request.user), "deleted a test of rules", case.rule_set, detail=case.name)
    case.delete()
    messages.success(request, f"The test “{case.name}” is deleted.")
    return redirect("rules:detail", key)
