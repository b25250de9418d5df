"""The WSGI application."""

import gc
import os
import signal
from importlib import import_module

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from common.services.lifeline import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
# Django imports the addresses and all views behind them with the first request, which would wait for seconds. What
# then stands stays for good: the garbage collector need not go through it again.
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()


def bound_application() -> WSGIHandler:
    """Return the application for a server's worker process, which from here on dies when the server is killed."""
    die_with_parent(signal.SIGKILL)
    return application
