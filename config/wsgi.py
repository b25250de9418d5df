"""The WSGI application."""

import os
import signal

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from common.services.lifeline import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()


def bound_application() -> WSGIHandler:
    """Return the application for a server's worker process, which from here on dies when the server is killed."""
    die_with_parent(signal.SIGKILL)
    return application
