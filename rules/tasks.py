"""Rule work that beat asks for."""

from celery import shared_task

from rules import versions


@shared_task
def publish_planned_rules() -> None:
    """Publish the drafts whose planned moment has come."""
    versions.publish_due()
