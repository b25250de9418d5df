"""The WSGI application as a server's worker gets it."""

import subprocess
import sys

from django.conf import settings


def test_no_visitor_waits_for_the_addresses_to_be_imported() -> None:
    asked = "import sys, config.wsgi; print('config.urls' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert told.stdout == "True\n"
