"""The books of a launched campaign: each member of the snapshot in exactly one place."""

from dataclasses import dataclass

from django.db.models import Count

from campaigns.launching import Launched, counts
from campaigns.models import Campaign
from delivery.models import Message
from experiments.models import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmAccount:
    """One arm: how many were assigned, and for a mailed arm in which state their messages are."""

    variant: Variant
    assigned: int
    states: dict[str, int]

    @property
    def is_mailed(self) -> bool:
        """Whether this arm gets mail."""
        return self.variant.role != Variant.Role.NO_MAIL

    @property
    def adds_up(self) -> bool:
        """Whether each of them has exactly one message (a mailed arm) or none (no mail)."""
        return sum(self.states.values()) == (self.assigned if self.is_mailed else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The whole campaign. Reasons are why messages were not sent, with how many."""

    launched: Launched
    arms: list[ArmAccount]
    reasons: list[tuple[str, str, int]]

    @property
    def messages(self) -> int:
        """How many messages there are."""
        return sum(sum(arm.states.values()) for arm in self.arms)

    @property
    def done(self) -> int:
        """How many messages have reached a final state."""
        return sum(arm.states.get(state, 0) for arm in self.arms for state in Message.TERMINAL)

    @property
    def sent(self) -> int:
        """How many messages were sent."""
        return sum(arm.states.get(Message.State.SENT, 0) for arm in self.arms)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to send."""
        return self.done == self.messages

    @property
    def excluded(self) -> int:
        """How many of the snapshot are in no arm."""
        return sum(self.launched.excluded.values())

    @property
    def adds_up(self) -> bool:
        """Whether snapshot = arms + excluded and each mailed arm = its messages."""
        in_arms = sum(arm.assigned for arm in self.arms)
        return self.launched.audience == in_arms + self.excluded and all(arm.adds_up for arm in self.arms)


def reconcile(campaign: Campaign) -> Accounts:
    """Count the campaign's snapshot and messages; a fixed number of queries."""
    states: dict[str, dict[str, int]] = {}
    messages = Message.objects.filter(dispatch=campaign.dispatch)
    for key, state, count in messages.values_list("variant_key", "state").annotate(Count("id")).order_by():
        states.setdefault(key, {})[state] = count
    reasons = messages.exclude(reason="").exclude(state__in=[Message.State.QUEUED, Message.State.IN_FLIGHT])
    by_count = reasons.values_list("state", "reason").annotate(count=Count("id")).order_by("-count")
    return accounts_of(campaign, launched=counts(campaign), states=states, reasons=list(by_count[:20]))


def accounts_of(
    campaign: Campaign,
    *,
    launched: Launched,
    states: dict[str, dict[str, int]],
    reasons: list[tuple[str, str, int]],
) -> Accounts:
    """Put the books together from what was counted: messages by arm and state, and why some were not sent."""
    return Accounts(
        launched=launched,
        arms=[
            ArmAccount(
                variant=variant,
                assigned=launched.by_variant.get(variant.key, 0),
                states=states.get(variant.key, {}),
            )
            for variant in campaign.experiment.variants.all()
        ],
        reasons=reasons,
    )
