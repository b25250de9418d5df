"""Background work on customers."""

import logging

from celery import shared_task

from common.clock import now
from customers import duplicates, engagement, facts, privacy_requests, retention
from customers.importing.people import jobs

logger = logging.getLogger(__name__)


@shared_task(queue="compute")
def compute_engagement() -> int:
    """Score everybody's engagement as of now."""
    return engagement.refresh_engagement(now())


@shared_task(queue="compute")
def check_facts(sample: int = 1000) -> int:
    """Compare a random sample of facts with a rebuild, repair what drifted, return how many had."""
    drifted = facts.facts_drift(sample)
    if drifted:
        logger.error("Facts of %d of %d sampled customers had drifted", len(drifted), sample)
        facts.rebuild_facts(sorted(drifted))
    return len(drifted)


@shared_task(queue="default")
def apply_retention() -> dict[str, int]:
    """Forget what is older than its rule says."""
    return retention.apply_retention()


@shared_task(queue="default")
def check_privacy_requests() -> int:
    """Tell the log how many requests are overdue; the page Privacy shows which."""
    late = privacy_requests.overdue().count()
    if late:
        logger.error("%d privacy requests are overdue", late)
    return late


@shared_task(queue="compute")
def find_duplicates() -> int:
    """List the pairs of profiles that may be one person; return how many were new."""
    return duplicates.find_duplicates()


@shared_task(queue="sync")
def advance_list(import_id: int) -> str:
    """Check or import a list of people, as its row says; return its state."""
    return str(jobs.advance(import_id).state)


@shared_task(queue="sync")
def sweep_lists() -> int:
    """Ring for each list that waits or whose worker died; return how many there are."""
    waiting = jobs.sweep()
    for import_id in waiting:
        advance_list.delay(import_id)
    return len(waiting)
