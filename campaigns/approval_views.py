"""Pages of approvals: the requests there are, and one campaign's with what a second person looks at."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import editors_only, requires
from accounts.roles import Permission
from campaigns import approving, preflights
from campaigns.before_launch_forms import AnswerForm, AskForm
from campaigns.launching import arm_contents
from campaigns.models import Campaign, LaunchApproval
from common.pagination import cursor_page


@require_safe
def approval_list(request: HttpRequest) -> HttpResponse:
    """All requests, newest first; `?open=1` only those that wait for an answer."""
    requests = LaunchApproval.objects.select_related("campaign__segment", "asked_by", "answered_by")
    is_open = "open" in request.GET
    if is_open:
        requests = requests.filter(answer=LaunchApproval.Answer.OPEN)
    page = cursor_page(requests, cursor=request.GET.get("cursor", ""))
    return render(request, "campaigns/approvals.html", {"page": page, "is_open": is_open})


@require_safe
def approval(request: HttpRequest, key: str) -> HttpResponse:
    """What would be sent to whom, and what was asked and answered about it."""
    campaign = _campaign(key)
    newest = approving.latest(campaign)
    is_draft = campaign.dispatch_id is None
    context = {
        "campaign": campaign,
        "approval": newest,
        "is_needed": approving.is_needed(campaign),
        "is_void": is_draft and newest is not None and approving.is_void(newest, campaign),
        "is_writer": newest is not None
        and cast(User, request.user).pk in approving.writers(campaign, newest),
        "contents": arm_contents(campaign).values(),
        "run": preflights.latest(campaign),
        "history": campaign.approvals.select_related("asked_by", "answered_by")[1:20],
        "ask_form": AskForm(),
        "answer_form": AnswerForm(),
    }
    return render(request, "campaigns/approval.html", context)


@require_POST
@editors_only
def approval_ask(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Ask for approval, or take the request back."""
    campaign, by = _campaign(key), cast(User, request.user)
    form = AskForm(request.POST)
    try:
        if act == "withdraw":
            approving.withdraw(campaign, by=by)
        elif form.is_valid():
            approving.ask(campaign, by=by, note=form.cleaned_data["note"])
            messages.success(request, "Asked. Whoever may launch, and did not write this, can approve it.")
        else:
            messages.error(request, "Use up to 300 characters.")
    except approving.Refused as refused:
        messages.error(request, str(refused))
    return redirect("campaigns:approval", key)


@require_POST
@requires(Permission.LAUNCH)
def approval_answer(request: HttpRequest, key: str, pk: int, approves: bool) -> HttpResponse:
    """Approve or refuse one request."""
    found = get_object_or_404(LaunchApproval, pk=pk, campaign__key=key)
    form = AnswerForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        approving.answer(found.pk, by=cast(User, request.user), approves=approves, reason=reason)
    except approving.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "Approved." if approves else "Refused.")
    return redirect("campaigns:approval", key)


def _campaign(key: str) -> Campaign:
    campaigns = Campaign.objects.select_related("segment__parent", "experiment", "sender", "tags", "pilot")
    return get_object_or_404(campaigns, key=key)
