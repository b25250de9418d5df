"""Background work on customers."""

import logging
from datetime import date

from celery import shared_task
from django.db.models import Q

from accounts.models import User
from common.clock import now
from customers import (
    duplicates,
    engagement,
    expiry,
    facts,
    locating,
    privacy_requests,
    rates,
    retention,
)
from customers.importing.people import jobs
from customers.models import Alert
from customers.quality import alerts, figures, health, quarantine, reconciliations
from products.places import ensure_places

logger = logging.getLogger(__name__)


@shared_task
def compute_engagement() -> int:
    """Score everybody's engagement as of now."""
    return engagement.refresh_engagement(now())


@shared_task
def locate_customers() -> int:
    """Find everybody's nearest store, with the world's cities at hand; return for how many it changed."""
    ensure_places()
    return locating.locate_everybody()


@shared_task
def check_facts(sample: int = 1000) -> int:
    """Compare a random sample of facts with a rebuild, repair what drifted and alert, return how many had."""
    drifted = facts.facts_drift(sample)
    if drifted:
        logger.error("Facts of %d of %d sampled customers had drifted", len(drifted), sample)
        facts.rebuild_facts(sorted(drifted))
        alerts.raise_alert(
            "facts:drift",
            severity=Alert.Severity.WARNING,
            title="Customers' facts had drifted",
            body=f"{len(drifted)} of {sample:,} sampled customers had other facts than their orders and events"
            " give. They were repaired; the next check that finds none ends this alert.",
        )
    else:
        alerts.resolve(Q(key="facts:drift"))
    return len(drifted)


@shared_task
def refresh_sums(currencies: list[str], since: str) -> int:
    """Sum up anew who bought in these currencies since that day (ISO 8601); return of how many the sums changed."""
    return rates.refresh_sums(currencies, since=date.fromisoformat(since))


@shared_task
def apply_retention() -> dict[str, int]:
    """Forget what is older than its rule says."""
    return retention.apply_retention()


@shared_task
def check_privacy_requests() -> int:
    """Alert when requests are overdue, return how many; the page Privacy shows which."""
    late = privacy_requests.overdue().count()
    if late:
        alerts.raise_alert(
            "privacy:overdue",
            severity=Alert.Severity.DANGER,
            title="Privacy requests are overdue",
            body=f"{late:,} requests were not settled by the day the law sets. The page Privacy shows which.",
        )
    else:
        alerts.resolve(Q(key="privacy:overdue"))
    return late


@shared_task
def maintain_events() -> dict[str, int]:
    """Make the partitions of the months to come and remove what has expired."""
    done = expiry.maintain_events()
    logger.info("Events: %s", done)
    return done


@shared_task
def find_duplicates() -> int:
    """List the pairs of profiles that may be one person; return how many were new."""
    return duplicates.find_duplicates()


@shared_task
def advance_list(import_id: int) -> str:
    """Check or import a list of people, as its row says; return its state."""
    return str(jobs.advance(import_id).state)


@shared_task
def sweep_lists() -> int:
    """Ring for each list that waits or whose worker died; return how many there are."""
    waiting = jobs.sweep()
    for import_id in waiting:
        advance_list.delay(import_id)
    return len(waiting)


@shared_task
def count_health_figures() -> int:
    """Count who may be mailed, and in how many of those a used field is empty; return how many may."""
    return figures.compute_figures().audience


@shared_task
def watch_data_health() -> int:
    """Open and resolve alerts about sources, mail what is new, ring for reconciliations; return the new alerts."""
    new = alerts.refresh_source_alerts(health.all_sources())
    alerts.mail_alerts()
    for id in reconciliations.due():
        reconcile.delay(id)
    return new


@shared_task
def retry_quarantine(source: str, reason: str, user_id: int) -> int:
    """Retry all waiting rows of one source and reason; return how many are stored now."""
    by = User.objects.filter(pk=user_id).first()
    return quarantine.retry(quarantine.waiting_rows(source, reason), by=by).mended


@shared_task
def reconcile(reconciliation_id: int) -> bool:
    """Do one reconciliation that was asked for."""
    return reconciliations.run(reconciliation_id)
