"""Campaigns that launch by themselves: put on the schedule, taken off it, launched when their moment comes, or held.

Beat sweeps. A worker claims a due campaign by a conditional UPDATE, so that a second one does not launch it too; a
claim whose worker died is taken over after `LEASE`. All times are the database's.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from campaigns import recurring
from campaigns.launching import DataDoubted, LaunchRefused, NotDue, database_time, launch, obstacles
from campaigns.models import Campaign
from campaigns.timing import Kind, in_utc, last_moment, launch_moment
from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from segments.conditions import ConditionError
from segments.nesting import CycleError

logger = logging.getLogger(__name__)
ON_SCHEDULE = "It is on the schedule: whoever may launch changes it, or take it back to a draft first."
STALE_AFTER = timedelta(minutes=settings.LAUNCH_STALE_AFTER_MINUTES)
"""A launch that comes later than this is held: what was right this morning may be wrong tonight."""
LEASE = timedelta(minutes=30)

_CLAIM = """
UPDATE campaigns_campaign SET claimed_at = statement_timestamp()
WHERE id = %(campaign)s AND state = 'scheduled' AND repeats = '' AND launch_at <= statement_timestamp()
    AND (claimed_at IS NULL OR claimed_at < statement_timestamp() - make_interval(secs => %(lease)s))
RETURNING statement_timestamp() - launch_at
"""
_DUE = """
SELECT id FROM campaigns_campaign
WHERE state = 'scheduled' AND launch_at <= statement_timestamp() AND (repeats <> '') = %(are_series)s
    AND (claimed_at IS NULL OR claimed_at < statement_timestamp() - make_interval(secs => %(lease)s))
ORDER BY launch_at, id
"""


@transaction.atomic
def schedule(campaign_id: int, *, by: User | None) -> datetime:
    """Let a draft or held campaign launch itself at its time and return when that is (UTC).

    Raises LaunchRefused where it has no time, its time is past everywhere, or something stands in its way.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
    if campaign.state not in Campaign.UNFROZEN:
        raise LaunchRefused(["This campaign has been launched already."])
    at = database_time()
    _put_on(campaign, at=at)
    if reasons := obstacles(campaign):
        raise LaunchRefused(reasons)
    campaign.state, campaign.scheduled_by = Campaign.State.SCHEDULED, by
    campaign.held_because, campaign.claimed_at = "", None
    campaign.save(
        update_fields=["state", "scheduled_by", "held_because", "claimed_at", "launch_at", "send_on"]
    )
    resolve(Q(key=campaign.alert_key))
    assert campaign.launch_at is not None
    return campaign.launch_at


@transaction.atomic
def unschedule(campaign_id: int) -> bool:
    """Make a scheduled or held campaign a draft again; False where it was launched in the meantime."""
    waiting = Campaign.objects.filter(
        pk=campaign_id, state__in=[Campaign.State.SCHEDULED, Campaign.State.HELD]
    )
    if not waiting.update(state=Campaign.State.DRAFT, launch_at=None, claimed_at=None, held_because=""):
        return False
    resolve(Q(key=Campaign.objects.get(pk=campaign_id).alert_key))
    return True


def may_change(campaign: Campaign, *, by: User) -> bool:
    """Whether somebody may change how a campaign goes out: what is on the schedule changes who may launch alone."""
    return campaign.state != Campaign.State.SCHEDULED or by.may_launch


@transaction.atomic
def replan(campaign_id: int, values: dict[str, object], *, by: User | None = None) -> Campaign:
    """Change when an unlaunched campaign is sent; one on the schedule stays on it, at its new time.

    `values` are those of `timing_forms.TimingForm.values`. Raises LaunchRefused.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
    if campaign.state not in Campaign.UNFROZEN:
        raise LaunchRefused(["This campaign has been launched already."])
    if by is not None and not may_change(campaign, by=by):
        raise LaunchRefused([ON_SCHEDULE])
    for name, value in values.items():
        setattr(campaign, name, value)
    campaign.claimed_at = None
    if campaign.state == Campaign.State.SCHEDULED:
        _put_on(campaign, at=database_time())
    campaign.save(update_fields=[*values, "launch_at", "claimed_at"])
    return campaign


def due_series() -> list[int]:
    """Return the series of which an occurrence is due."""
    return _due(are_series=True)


def due_campaigns() -> list[int]:
    """Return the campaigns whose launch is due and that no worker has claimed."""
    return _due(are_series=False)


def spawn_due() -> int:
    """Make the occurrences that are due; return how many. A series that fails is held and keeps no other up."""
    at = database_time()
    return sum(_spawn(series_id, at=at) for series_id in due_series())


def _spawn(series_id: int, *, at: datetime) -> bool:
    """Whether an occurrence was made. What a database that is away or busy refused is tried again."""
    try:
        return recurring.spawn(series_id, at=at) is not None
    except (OperationalError, InterfaceError):
        logger.exception("Series %s could not be looked at; it is tried again", series_id)
    except Exception as error:
        logger.exception("No occurrence of series %s could be made", series_id)
        hold(series_id, because=f"Its next occurrence could not be made: {type(error).__name__}.")
    return False


def launch_scheduled(campaign_id: int) -> int | None:
    """Launch a campaign whose moment has come; returns its dispatch, for whoever rings after the commit.

    None where another worker has it, or where it is held: it comes too late, something stands in its way, its data is
    in doubt, or its segment cannot be judged.
    """
    late = _claim(campaign_id)
    if late is None:
        return None
    if late > STALE_AFTER:
        hold(campaign_id, because=_stale(late))
        return None
    try:
        return launch(campaign_id, as_scheduled=True).dispatch_id
    except NotDue:
        return None
    except DataDoubted as doubted:
        hold(campaign_id, because=f"The data that it reads is in doubt. {doubted}")
    except LaunchRefused as refused:
        hold(campaign_id, because=str(refused))
    except (ConditionError, CycleError) as error:
        hold(campaign_id, because=f"Its segment cannot be judged: {error}")
    return None


@transaction.atomic
def hold(campaign_id: int, *, because: str) -> bool:
    """Take a campaign off the schedule until somebody decides, and raise an alert; False if it is not on it."""
    waiting = Campaign.objects.filter(pk=campaign_id, state=Campaign.State.SCHEDULED)
    if not waiting.update(state=Campaign.State.HELD, held_because=because, claimed_at=None):
        return False
    campaign = Campaign.objects.get(pk=campaign_id)
    link = f"{settings.BASE_URL}{reverse('campaigns:detail', args=[campaign.key])}"
    raise_alert(
        campaign.alert_key,
        severity=Alert.Severity.DANGER,
        title=f"The campaign {campaign.name} was not launched",
        body=f"{because} Nothing was sent. Decide here: {link}",
    )
    return True


def _put_on(campaign: Campaign, *, at: datetime) -> None:
    """Set when a campaign launches itself, unsaved; a series goes on to its next occurrence."""
    timing = campaign.timing()
    if timing.on is None or (timing.at is None and timing.kind != Kind.HABIT):
        raise LaunchRefused(["Say first when it is to be sent."])
    if campaign.is_series:
        recurring.skip_past(campaign, at=at)
        if recurring.is_over(campaign):
            raise LaunchRefused(["The last day of the series is past."])
    elif last_moment(timing) < at:
        raise LaunchRefused(["The time at which it is to be sent is past."])
    campaign.launch_at = max(launch_moment(campaign.timing()), at)


def _due(*, are_series: bool) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"are_series": are_series, "lease": LEASE.total_seconds()})
        return [campaign_id for (campaign_id,) in cursor.fetchall()]


def _claim(campaign_id: int) -> timedelta | None:
    """Take a due campaign for this worker and return by how much it is late; None if it is not ours."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"campaign": campaign_id, "lease": LEASE.total_seconds()})
        row = cursor.fetchone()
    return None if row is None else row[0]


def _stale(late: timedelta) -> str:
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    planned = in_utc(database_time() - late)
    return (
        f"It was to be launched at {planned}, {hours} h {minutes} min ago; that is too late to go on unasked."
    )
