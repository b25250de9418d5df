"""Programs of ours against the database of a test."""

import os
import time
from collections.abc import Callable

import pytest
from django.db import connection

from config import env

PATIENCE_SECONDS = 60


def point_programs_here(patch: pytest.MonkeyPatch) -> None:
    """Have the programs that this test starts use its database."""
    base = env.DATABASE_URL.partition("?")[0].rpartition("/")[0]
    patch.setenv("DATABASE_URL", f"{base}/{connection.settings_dict['NAME']}")
    patch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    assert os.environ["REGARDS_VAR"] == os.environ["REGARDS_TEST_VAR"]


def eventually(condition: Callable[[], bool]) -> bool:
    """Ask again and again, for a minute at most, and say whether it came true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
