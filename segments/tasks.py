"""Segment work, on the queue `compute`."""

from celery import shared_task

from segments import membership

BATCH = 1000
MOST_BATCHES = 20


@shared_task(queue="compute")
def refresh_all_segments() -> None:
    """Judge every customer for every segment, as time alone moves people in and out."""
    membership.refresh_all(cause="schedule")


@shared_task(queue="compute")
def refresh_touched_segments() -> None:
    """Judge the customers of whom there is news; a bounded number of batches, beat comes again."""
    for _ in range(MOST_BATCHES):
        if membership.refresh_touched(BATCH) < BATCH:
            break
