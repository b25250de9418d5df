"""Doorbells of campaigns. The rows are the queue: a lost ring costs time, never a message."""

from celery import shared_task

from campaigns import field_uses, piloting, preflighting, sending
from campaigns.journeys import calling, entering, walking


@shared_task
def send_dispatch(dispatch_id: int) -> int:
    """Send what is due of one dispatch."""
    return sending.send_due(dispatch_id)


@shared_task
def ring_due_dispatches() -> int:
    """Ring for each dispatch that has due messages: beat's safety net for lost rings."""
    due = sending.due_dispatches()
    for dispatch_id in due:
        send_dispatch.delay(dispatch_id)
    return len(due)


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
        ring_due_dispatches()
    return walked


@shared_task
def call_webhooks() -> int:
    """Make the calls that webhook steps of journeys asked for."""
    return calling.call_due()


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
