"""Doorbells of campaigns. The rows are the queue: a lost ring costs time, never a message."""

from celery import shared_task

from campaigns import (
    field_uses,
    habits,
    piloting,
    preflighting,
    quiet,
    scheduling,
    sending,
    winning,
    writing_figures,
)
from campaigns.journeys import calling, entering, walking
from delivery.turns import due_dispatches

MOST_RINGS = 8
"""Each ring sends whatever is most urgent: more rings than processes help nobody."""
RING_LASTS_SECONDS = 60
CALLS_LAST_SECONDS = 5.0
"""Receivers may hang: after so long customers who walk have their turn."""


@shared_task
def send_dispatch(dispatch_id: int) -> int:
    """Send what is due, of whichever dispatch is most urgent, and ring again if that takes longer than a slice."""
    done = sending.send_slice()
    if done.is_more:
        send_dispatch.delay(dispatch_id)
    return done.settled


@shared_task
def ring_due_dispatches() -> int:
    """Ring for dispatches that have due messages, quiet hours apart: beat's safety net for lost rings.

    Old rings are dropped unheard.
    """
    quiet.keep_all_quiet()
    due = due_dispatches()
    for dispatch_id in due[:MOST_RINGS]:
        send_dispatch.apply_async((dispatch_id,), expires=RING_LASTS_SECONDS)
    return len(due)


@shared_task
def launch_due_campaigns() -> int:
    """Make the occurrences that are due, and ring for each campaign whose launch is."""
    scheduling.spawn_due()
    due = scheduling.due_campaigns()
    for campaign_id in due:
        launch_scheduled.delay(campaign_id)
    return len(due)


@shared_task
def launch_scheduled(campaign_id: int) -> None:
    """Launch a campaign whose moment has come, and ring for its mails."""
    if dispatch_id := scheduling.launch_scheduled(campaign_id):
        send_dispatch.delay(dispatch_id)


@shared_task
def compute_habits() -> int:
    """Learn at which hour customers open and click."""
    return habits.compute_habits()


@shared_task
def tell_field_uses() -> None:
    """Tell data health which fields drafts, running campaigns and live rules read."""
    field_uses.tell_uses()


@shared_task
def enter_journeys() -> int:
    """Enter whom news name into journeys."""
    return entering.enter_by_news()


@shared_task
def enter_present_customers(journey_id: int) -> int:
    """Enter who is in a journey's segment or stage already."""
    return entering.enter_present(journey_id)


@shared_task
def walk_journeys() -> int:
    """Move everybody on who is due in a journey, and ring for the mails that this queued."""
    walked = sum(walking.walk_due(journey_id) for journey_id in walking.due_journeys())
    if walked:
        ring_due_dispatches.delay()
    return walked


@shared_task
def call_webhooks() -> int:
    """Make the calls that webhook steps of journeys asked for; what is left of them after others had their turn."""
    taken = calling.call_due(seconds=CALLS_LAST_SECONDS)
    if calling.is_any_due():
        call_webhooks.delay()
    return taken


@shared_task
def advance_preflight(run_id: int) -> None:
    """Go on with a preflight for some seconds, and then again after others had their turn."""
    if preflighting.advance(run_id):
        advance_preflight.delay(run_id)


@shared_task
def sweep_preflights() -> int:
    """Ring for each preflight that nobody is at: beat's safety net for lost rings and dead workers."""
    waiting = preflighting.waiting()
    for run_id in waiting:
        advance_preflight.delay(run_id)
    return len(waiting)


@shared_task
def judge_pilots() -> int:
    """Judge pilots whose time has come, and ring for what this releases."""
    released = piloting.judge_due()
    for dispatch_id in released:
        send_dispatch.delay(dispatch_id)
    return len(released)


@shared_task
def release_remainders() -> int:
    """Give those who waited for a winner what won, and ring for their mails."""
    released = winning.release_due()
    for dispatch_id in released:
        send_dispatch.delay(dispatch_id)
    return len(released)


@shared_task
def watch_writing() -> int:
    """Count how mails were written and what their openings showed, and open and close alerts; how many are new."""
    return writing_figures.refresh_alerts()
