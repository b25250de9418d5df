"""Doorbells of reports."""

from celery import shared_task

from reports import digest

RING_LASTS_SECONDS = 50
"""Less than the time between two rings of beat."""


@shared_task
def refresh_reports() -> int:
    """Take in what changed of messages and orders, for some seconds, and ring again while there is more.

    Old rings are dropped unheard, so that they do not pile up.
    """
    from reports.refreshing import take_in_changes

    done = take_in_changes()
    if done.is_more:
        refresh_reports.apply_async(expires=RING_LASTS_SECONDS)
    return done.changes


@shared_task
def count_reports() -> int:
    """Rebuild where that is due, and count campaigns and cohorts that are; may take minutes."""
    from reports import upkeep  # SciPy takes a second to load

    return upkeep.count_what_is_due()


@shared_task
def send_digests() -> int:
    """Queue last week's digest for those who want it and have not got it."""
    return digest.queue_digests()


@shared_task
def take_looks() -> int:
    """Take the planned looks at experiments that are due."""
    from reports.looks import take_due  # SciPy takes a second to load: only the worker that needs it

    return len(take_due())


@shared_task
def check_splits() -> None:
    """Alert where the arms of a journey's split have the wrong sizes."""
    from reports import looks  # SciPy takes a second to load

    looks.check_splits()
