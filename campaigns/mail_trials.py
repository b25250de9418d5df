"""Campaigns with an arm without mail, for those who learn what a mail does (see settings.MAIL_TRIALS)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from campaigns.models import Campaign, Pilot, Recipient
from campaigns.winning import remainder_keys
from delivery.models import Dispatch, Message
from experiments.models import Variant
from recommendations.predictions.trials import MailTrial


def mail_trials(*, since: datetime, until: datetime) -> Sequence[MailTrial]:
    """Campaigns launched in [since, until) with an arm without mail, whose mails have all gone out.

    What was paused, cancelled or stopped after a pilot is none: in it some of those meant to be mailed were not.
    """
    campaigns = Campaign.objects.filter(
        state=Campaign.State.LAUNCHED,
        launched_at__gte=since,
        launched_at__lt=until,
        experiment__variants__role=Variant.Role.NO_MAIL,
        dispatch__state=Dispatch.State.SENDING,
    ).exclude(dispatch__messages__state__in=Message.OPEN)
    campaigns = campaigns.exclude(pilot__state=Pilot.State.STOPPED)
    return [_trial(one) for one in campaigns.order_by("launched_at", "pk")]


def _trial(campaign: Campaign) -> MailTrial:
    """One campaign's snapshot; everybody assigned counts, whether or not the mail reached them."""
    assert campaign.launched_at is not None
    roles = campaign.experiment.variants.filter(role=Variant.Role.NO_MAIL)
    without = set(roles.values_list("key", flat=True))
    assigned = Recipient.objects.filter(campaign=campaign, exclusion="").order_by("customer_id")
    assigned = assigned.exclude(variant_key__in=remainder_keys(campaign))
    rows = assigned.values_list("customer_id", "variant_key")
    pairs = [(customer, key not in without) for customer, key in rows.iterator(chunk_size=20_000)]
    return MailTrial(
        name=campaign.name,
        launched_at=campaign.launched_at,
        customers=np.array([customer for customer, _ in pairs], dtype=np.int64),
        is_mailed=np.array([mailed for _, mailed in pairs], dtype=np.bool_),
    )
