"""What a colleague does to a rule set by a button, the same on its page and in the admin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.http import HttpRequest

from accounts.models import User
from accounts.roles import Permission
from rules import drafts, versions
from rules.documents import DocumentError
from rules.drafts import MovedOn, Refused
from rules.forms import ScheduleForm
from rules.models import RuleSet, RuleSetVersion

_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One button: who may press it, what is asked before, and what it does; it returns what to tell afterwards."""

    label: str
    question: str
    permission: Permission
    do: Callable[[RuleSet, User, int, Mapping[str, str]], str]


def perform(request: HttpRequest, rule_set: RuleSet, act: Act) -> bool:
    """Do one thing to a rule set as it was when the page was shown, and tell how it went; whether it was done."""
    request.is_audited = True  # type: ignore[attr-defined]
    seen = number_in(request.POST.get("revision", ""))
    try:
        told = act.do(rule_set, cast(User, request.user), -1 if seen is None else seen, request.POST)
    except (Refused, MovedOn, DocumentError) as refused:
        messages.error(request, str(refused))
        return False
    messages.success(request, told)
    return True


def number_in(text: str) -> int | None:
    """Return the number that a part of a request says, if it says one that can be."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _approve(rule_set: RuleSet, user: User, revision: int, said: Mapping[str, str]) -> str:
    drafts.approve(rule_set, by=user, revision=revision)
    return "Approved: it can be published now."


def _publish(rule_set: RuleSet, user: User, revision: int, said: Mapping[str, str]) -> str:
    version = versions.publish_draft(rule_set, by=user, revision=revision)
    return f"Version {version.number} decides from now on."


def _schedule(rule_set: RuleSet, user: User, revision: int, said: Mapping[str, str]) -> str:
    form = ScheduleForm(said)
    if not form.is_valid():
        raise Refused("Give a date and a time.")
    at = form.cleaned_data["publish_at"]
    drafts.schedule(rule_set, at, by=user, revision=revision)
    return f"Planned for {at:%-d %B %Y %H:%M} UTC."


def _unschedule(rule_set: RuleSet, user: User, revision: int, said: Mapping[str, str]) -> str:
    drafts.unschedule(rule_set, by=user, revision=revision)
    return "The draft is not planned any more."


def _discard(rule_set: RuleSet, user: User, revision: int, said: Mapping[str, str]) -> str:
    drafts.discard_draft(rule_set, by=user, revision=revision)
    return "The draft is discarded."


def _follow(rule_set: RuleSet, user: User, revision: int, said: Mapping[str, str]) -> str:
    drafts.follow_live(rule_set, by=user, revision=revision)
    return "The draft follows what is live now; look at what it changes."


APPROVE = Act(
    label="Approve",
    question="You stand by the draft as it is now. An edit takes your approval away.",
    permission=Permission.LAUNCH,
    do=_approve,
)
PUBLISH = Act(
    label="Publish",
    question="From now on the draft decides. Campaigns that were launched keep their version.",
    permission=Permission.LAUNCH,
    do=_publish,
)
SCHEDULE = Act(
    label="Publish later",
    question="Tests and approval are asked for again when the moment comes.",
    permission=Permission.LAUNCH,
    do=_schedule,
)
UNSCHEDULE = Act(
    label="Take the plan back",
    question="The draft stays, and is not published by itself.",
    permission=Permission.LAUNCH,
    do=_unschedule,
)
DISCARD = Act(
    label="Discard the draft",
    question="What is written in the draft is lost.",
    permission=Permission.EDIT,
    do=_discard,
)
FOLLOW = Act(
    label="Follow what is live",
    question="Another version went live since the draft was written. The draft keeps its words and replaces it.",
    permission=Permission.EDIT,
    do=_follow,
)


def rollback_to(version: RuleSetVersion) -> Act:
    """Return the act of going back to a version."""

    def do(rule_set: RuleSet, user: User, revision: int, said: Mapping[str, str]) -> str:
        why = said.get("override", "")
        made = versions.rollback(rule_set, version.number, by=user, revision=revision, override=why)
        return f"Version {made.number} says what version {version.number} said, and decides now."

    return Act(
        label=f"Back to version {version.number}",
        question=f"Version {version.number} is written anew as the latest version and decides from now on.",
        permission=Permission.LAUNCH,
        do=do,
    )
