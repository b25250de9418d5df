"""Scheduled pulls. The doorbell rings for each source; the lease in its books lets one run at a time."""

import logging

from celery import shared_task

from connectors import sync
from customers.importing.books import AlreadyRunning

logger = logging.getLogger(__name__)


@shared_task
def sync_sources() -> int:
    """Ring for every enabled source whose turn it is; return how many there are."""
    ids = sync.due_sources()
    for id in ids:
        sync_source.delay(id)
    return len(ids)


@shared_task
def sync_source(source_id: int) -> int | None:
    """Read what is new at one source; return the run's id, or None while another run is at it."""
    try:
        return int(sync.sync_source(source_id).pk)
    except AlreadyRunning as error:
        logger.info("%s", error)
        return None
