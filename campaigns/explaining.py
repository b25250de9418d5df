"""Why somebody got a campaign's mail, or did not: from the segment to the delivery, in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.models import Campaign, Recipient, RemainderRelease
from campaigns.winning import remainder_keys
from customers.browsing import mail_answers
from customers.models import Customer
from delivery.models import Dispatch, Message, MessageEvent
from experiments.assigning import draws_of, variant_for
from experiments.models import Variant
from rules.models import RuleSetVersion
from segments.evaluator import Explanation
from segments.models import MembershipChange
from segments.reasons import reasons

_EXCLUSIONS = {
    "no address": "no e-mail address of theirs was known",
    "never consented": "they had never agreed to marketing mail",
    "consent withdrawn": "they had taken their consent back",
}
_CAUSES = {
    "event": "of something they did",
    "edit": "the segment was edited or refreshed by hand",
    "launch": "the segment was brought up to date for a launch",
}
_STATES = {
    Message.State.QUEUED: "The mail waits to be sent",
    Message.State.HELD: "The mail is held back until the pilot is judged",
    Message.State.IN_FLIGHT: "The mail is being sent at this moment",
    Message.State.SENT: "The mail was sent",
    Message.State.SKIPPED: "The mail was left out",
    Message.State.SUPPRESSED: "The mail was held back when it was about to be sent",
    Message.State.FAILED: "The mail could not be sent",
    Message.State.UNKNOWN: "The mail was handed over, and nobody knows whether it arrived",
}
_TONES = {
    Message.State.SENT: "success",
    Message.State.QUEUED: "info",
    Message.State.HELD: "info",
    Message.State.IN_FLIGHT: "info",
    Message.State.UNKNOWN: "warning",
}
_LONGEST_FACT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One link of the chain: what it is about, how it came out as a badge, and why.

    `facts` are names with values; `explanation` judges the segment's condition as of `at`.
    """

    title: str
    badge: str
    tone: str
    sentences: Sequence[str]
    facts: Sequence[tuple[str, str]] = ()
    explanation: Explanation | None = None
    at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Story:
    """The whole chain with its end in one sentence; `message` is what became of it, where there is one."""

    verdict: str
    tone: str
    chapters: list[Chapter] = field(default_factory=list)
    message: Message | None = None


def tell(campaign: Campaign, customer: Customer) -> Story:
    """Tell the story of any customer and any campaign, launched or not; a fixed number of queries."""
    if campaign.dispatch is None:
        return _of_draft(campaign, customer)
    recipient = Recipient.objects.filter(campaign=campaign, customer=customer).first()
    if recipient is None:
        return _of_outsider(campaign, customer)
    chapters = [_was_member(campaign)]
    if recipient.exclusion:
        chapters.append(_excluded(recipient, customer))
        why = _EXCLUSIONS.get(recipient.exclusion, recipient.exclusion)
        return Story(verdict=f"They did not get the mail: {why}.", tone="warning", chapters=chapters)
    chapters.append(Chapter(title="Exclusion", badge="not excluded", tone="success", sentences=[_ELIGIBLE]))
    variant = campaign.experiment.variants.filter(key=recipient.variant_key).first()
    chapters.append(_arm(variant, recipient.variant_key, when="The launch put them"))
    if variant is not None and variant.role == Variant.Role.NO_MAIL:
        verdict = "They did not get the mail: they are in the holdout that gets none, so that its worth is measured."
        return Story(verdict=verdict, tone="neutral", chapters=chapters)
    return _of_message(campaign, customer, chapters)


_ELIGIBLE = "When the audience was frozen there was an address, consent, and nothing against it."


def _of_draft(campaign: Campaign, customer: Customer) -> Story:
    """What would happen if it were launched now."""
    member = campaign.segment.memberships.filter(customer=customer).exists()
    chapters = [_today(campaign, customer, "in it" if member else "not in it", is_in=member)]
    answer = mail_answers([customer])[customer.pk]
    may = answer.tone == "success"
    chapters.append(
        Chapter(
            title="Exclusion",
            badge="would not be excluded" if may else "would be excluded",
            tone="success" if may else "warning",
            sentences=[f"Marketing mail to them, as of now: {answer.label.lower()}. {answer.sentence}"],
        )
    )
    variant = _drawn(campaign, customer)
    chapters.append(_arm(variant, variant.key if variant else "", when="The draw would put them"))
    mailed = member and may and variant is not None and variant.role != Variant.Role.NO_MAIL
    would = "would get" if mailed else "would not get"
    verdict = f"The campaign has not been launched. As of now they {would} the mail."
    return Story(verdict=verdict, tone="info", chapters=chapters)


def _of_outsider(campaign: Campaign, customer: Customer) -> Story:
    """Somebody who was never in the audience: what is known of then, and what is true today."""
    at = campaign.launched_at
    sentences = [
        f"When the campaign was launched ({_moment(at)}) they were not in “{campaign.segment.name}”."
    ]
    if at is not None and customer.created_at > at:
        sentences.append(f"They became known only on {_moment(customer.created_at)}.")
    changes = MembershipChange.objects.filter(segment=campaign.segment, customer=customer)
    before = changes.filter(changed_at__lte=at).order_by("-pk").first() if at else None
    after = changes.filter(changed_at__gt=at).order_by("pk").first() if at else None
    if before is not None and before.kind == MembershipChange.Kind.LEFT:
        sentences.append(f"They had left it on {_moment(before.changed_at)}, because {_cause(before.cause)}.")
    elif before is None:
        sentences.append("No entry into it is noted before that.")
    if after is not None and after.kind == MembershipChange.Kind.ENTERED:
        sentences.append(
            f"They entered it later, on {_moment(after.changed_at)}, because {_cause(after.cause)}."
        )
    return Story(
        verdict=f"They did not get the mail: they were not in “{campaign.segment.name}” when it was launched.",
        tone="warning",
        chapters=[_today(campaign, customer, "not in it", is_in=False, before=sentences)],
    )


def _today(
    campaign: Campaign, customer: Customer, badge: str, *, is_in: bool, before: Sequence[str] = ()
) -> Chapter:
    """The segment's condition as it is today, judged for them."""
    found = reasons(campaign.segment, customer)
    fits = found.explanation is not None and found.explanation.holds
    name = campaign.segment.name
    judged = found.problem or (
        f"As of {_moment(found.at)} they {'fit' if fits else 'do not fit'} the description of “{name}”:"
    )
    return Chapter(
        title="Segment",
        badge=badge,
        tone="success" if is_in else "warning",
        sentences=[*before, judged],
        explanation=found.explanation,
        at=found.at,
    )


def _was_member(campaign: Campaign) -> Chapter:
    sentence = f"They were in “{campaign.segment.name}” when the audience was frozen, {_moment(campaign.launched_at)}."
    return Chapter(title="Segment", badge="in it", tone="success", sentences=[sentence])


def _excluded(recipient: Recipient, customer: Customer) -> Chapter:
    why = _EXCLUSIONS.get(recipient.exclusion, recipient.exclusion)
    answer = mail_answers([customer])[customer.pk]
    return Chapter(
        title="Exclusion",
        badge="excluded",
        tone="warning",
        sentences=[
            f"At the launch {why}.",
            f"Marketing mail to them, as of now: {answer.label.lower()}. {answer.sentence}",
        ],
    )


def _drawn(campaign: Campaign, customer: Customer) -> Variant | None:
    """The arm that the draw gives; None while the weights do not add up."""
    try:
        key = variant_for(customer.public_id, draws_of(campaign.experiment))
    except ValueError:
        return None
    return campaign.experiment.variants.get(key=key)


def _arm(variant: Variant | None, key: str, *, when: str) -> Chapter:
    name = f"“{variant.name}”" if variant else f"“{key}”"
    sentences = [f"{when} into the arm {name} by a hash of their id, which nothing about them changes."]
    if variant is not None:
        sentences.append(
            f"{variant.weight / 100:g} % of the audience are in it: {variant.get_role_display().lower()}."
        )
    is_unmailed = variant is not None and variant.role == Variant.Role.NO_MAIL
    tone = "neutral" if is_unmailed else "success"
    return Chapter(title="Arm", badge=variant.name if variant else key, tone=tone, sentences=sentences)


def _of_message(campaign: Campaign, customer: Customer, chapters: list[Chapter]) -> Story:
    message = (
        Message.objects.filter(dispatch=campaign.dispatch, customer=customer)
        .select_related("dispatch")
        .first()
    )
    if message is None:
        verdict = "There is no message for them: their profile was merged with another of the audience."
        return Story(verdict=verdict, tone="neutral", chapters=chapters)
    state = Message.State(message.state)
    tone = _TONES.get(state, "danger" if state == Message.State.FAILED else "warning")
    sentences = _of_state(message, campaign)
    chapters.append(Chapter(title="Message", badge=state.label, tone=tone, sentences=sentences))
    if message.resolved:
        chapters.append(_contents(message.resolved))
    chapters.append(_events(message))
    return Story(verdict=sentences[0], tone=tone, chapters=chapters, message=message)


def _of_state(message: Message, campaign: Campaign) -> list[str]:
    """What became of the message, and what keeps it where it waits."""
    state = Message.State(message.state)
    waits = message.variant_key in remainder_keys(campaign)
    said = _STATES.get(state, f"The mail is {state.label.lower()}")
    if waits and state == Message.State.HELD:
        said = "The mail is held back until the test has a winner"
    if message.sent_at:
        said += f" on {_moment(message.sent_at)} to {message.recipient}"
    sentences = [said + (f": {message.reason}." if message.reason else ".")]
    if state == Message.State.QUEUED:
        sentences.append(f"It is due since {_moment(message.due_at)} at the earliest.")
        if campaign.dispatch is not None and campaign.dispatch.state == Dispatch.State.PAUSED:
            sentences.append("The campaign is paused.")
    if waits:
        sentences += _of_wait(campaign)
    if message.attempts > 1:
        sentences.append(f"It took {message.attempts} attempts.")
    return sentences


def _of_wait(campaign: Campaign) -> list[str]:
    """Why somebody got what a test's winner got, outside the test."""
    release = RemainderRelease.objects.filter(campaign=campaign).first()
    if release is None:
        return ["They are in no comparison: they get what wins."]
    won = campaign.experiment.variants.filter(key=release.variant_key).first()
    return (
        [f"They waited for the winner and get what “{won.name}” got. {release.why}"] if won else [release.why]
    )


def _contents(resolved: dict[str, Any]) -> Chapter:
    """Which rules fired, what they decided, and which facts the mail names."""
    fired = [str(name) for name in resolved.get("rules_fired", [])]
    asked = RuleSetVersion.objects.filter(pk__in=resolved.get("rule_set_versions", [])).select_related(
        "rule_set"
    )
    sentences = [f"Rules asked: {', '.join(map(str, asked))}." if asked else "No rules were asked."]
    if asked:
        sentences.append(f"Fired: {', '.join(fired)}." if fired else "None fired; their “otherwise” decided.")
    if products := resolved.get("recommendations"):
        how = ", ".join(sorted({str(one.get("source", "")) for one in products} - {""}))
        sentences.append(f"{len(products)} products were chosen{f' ({how})' if how else ''}.")
    if fallbacks := resolved.get("fallbacks"):
        sentences.append(f"Fell back: {', '.join(fallbacks)}.")
    return Chapter(
        title="Contents",
        badge=f"{len(fired)} rules fired" if len(fired) != 1 else "1 rule fired",
        tone="info",
        sentences=sentences,
        facts=list(_facts(resolved.get("context", {}))),
    )


def _facts(context: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The facts that the mail named, by their names in templates; products and the like by their name."""
    found: list[tuple[str, str]] = []
    for name, value in sorted(context.items()):
        path = f"{prefix}{name}"
        if name in ("sender", "campaign", "recommendations") and not prefix:
            continue
        if isinstance(value, dict) and "name" not in value:
            found += _facts(value, f"{path}.")
        else:
            shown = value["name"] if isinstance(value, dict) else value
            found.append((path, str(shown)[:_LONGEST_FACT]))
    return found


def _events(message: Message) -> Chapter:
    events = list(message.events.order_by("occurred_at", "pk")[:50])
    sentences = [
        f"{_moment(one.occurred_at)}: {MessageEvent.Kind(one.kind).label.lower()}"
        + (f" (by a machine: {one.verdict or 'scanner'})" if one.is_machine else "")
        + "."
        for one in events
    ]
    what = f"{len(events)} noted" if events else "none yet"
    return Chapter(
        title="What happened then",
        badge=what,
        tone="info" if events else "neutral",
        sentences=sentences or ["Nothing has come back from this mail."],
    )


def _cause(cause: str) -> str:
    return _CAUSES.get(cause, "time passed")


def _moment(at: datetime | None) -> str:
    return f"{at:%-d %B %Y %H:%M} UTC" if at else "at an unknown time"
