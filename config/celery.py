"""The Celery application. Queues: `send`, `compute`, `train`, `sync`, `default`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("regards")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
