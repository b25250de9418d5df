"""Segment work, on the queue `compute`."""

from celery import shared_task

from segments import membership, references

BATCH = 1000
MOST_BATCHES = 20


@shared_task
def refresh_all_segments() -> None:
    """Judge every customer for every stage and segment, whatever there is no news of."""
    references.tell_own()
    membership.refresh_all(cause="schedule")


@shared_task
def refresh_timed_segments() -> None:
    """Judge every customer for those stages and segments that time alone moves people in and out of."""
    membership.refresh_timed(cause="schedule")


@shared_task
def refresh_touched_segments() -> None:
    """Judge the customers of whom there is news; a bounded number of batches, beat comes again."""
    for _ in range(MOST_BATCHES):
        if membership.refresh_touched(BATCH) < BATCH:
            break
