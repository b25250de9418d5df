"""The Celery application. Queues: `send`, `journeys`, `compute`, `train`, `sync`, `default`."""

import gc
import os
import signal
from functools import cached_property

from celery import Celery
from celery.apps.beat import Beat
from celery.beat import Service
from celery.signals import worker_process_init

from common.services.lifeline import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class StoppableBeat(Beat):
    """Beat that ends between two ticks, however often and in whatever moment it is told to.

    Celery writes the schedule from inside of its signal handler: where that hits a query of beat's own, or a
    second signal hits the writing, it waits for ever for the connection that it holds itself.
    """

    def install_sync_handler(self, service: Service) -> None:
        """Let SIGTERM and SIGINT set the flag that the loop asks for; it writes the schedule when it ends."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())


class Regards(Celery):
    """Celery with that beat."""

    Beat = cached_property(lambda app: app.subclass_with_self(StoppableBeat))


app = Regards("regards")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def end_with_the_worker(**_: object) -> None:
    """A child of the pool dies when its worker is killed; otherwise it would go on sending, led by nobody."""
    die_with_parent(signal.SIGKILL)


@worker_process_init.connect
def leave_what_is_loaded_alone(**_: object) -> None:
    """Do not look for garbage in a hundred megabytes of modules: it took a tenth of the time of sending."""
    gc.collect()
    gc.freeze()
