"""Doorbells of experiments."""

from celery import shared_task

from experiments.importing.uploads import forget_old


@shared_task
def forget_uploads() -> int:
    """Delete files of experiments that were uploaded and never confirmed."""
    return forget_old()
