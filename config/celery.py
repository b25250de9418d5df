"""The Celery application. Queues: `send`, `compute`, `train`, `sync`, `default`."""

import os
import signal

from celery import Celery
from celery.signals import worker_process_init

from common.services.lifeline import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("regards")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def end_with_the_worker(**_: object) -> None:
    """A child of the pool dies when its worker is killed; otherwise it would go on sending, led by nobody."""
    die_with_parent(signal.SIGKILL)
