"""Drafts with a time, for the tests of schedules and plans."""

from datetime import timedelta
from typing import Any

from campaigns.launching import database_time
from campaigns.models import Campaign
from tests.campaigns.making import draft


def planned(name: str = "Spring", *, no_mail: int = 0, **fields: Any) -> Campaign:
    """A draft to all British customers with these fields of its timing."""
    campaign = draft(name, no_mail=no_mail)
    Campaign.objects.filter(pk=campaign.pk).update(**fields)
    campaign.refresh_from_db()
    return campaign


def due(campaign: Campaign, *, minutes_ago: float = 0) -> Campaign:
    """Put a campaign on the schedule as if its moment had come this long ago."""
    moment = database_time() - timedelta(minutes=minutes_ago)
    Campaign.objects.filter(pk=campaign.pk).update(
        state=Campaign.State.SCHEDULED,
        launch_at=moment,
        send_on=moment.date(),
        send_at=moment.time().replace(microsecond=0),
    )
    campaign.refresh_from_db()
    return campaign
