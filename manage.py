#!/usr/bin/env python
"""Django's command line. A checkout that names no servers gets its own while a command runs."""

import os
import sys
from pathlib import Path

from common import services

ROOT = Path(__file__).resolve().parent
WITHOUT_SERVERS = {
    "check",
    "collectstatic",
    "compilemessages",
    "help",
    "makemessages",
    "spectacular",
    "version",
}


def main(arguments: list[str]) -> int:
    """Run a management command; a server that cannot start is one sentence and exit code 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    command = arguments[1] if len(arguments) > 1 else "help"
    if command.startswith("-") or command in WITHOUT_SERVERS or "--help" in arguments:
        execute_from_command_line(arguments)
        return 0
    try:
        with services.as_configured(ROOT):
            execute_from_command_line(arguments)
    except services.ServiceError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
