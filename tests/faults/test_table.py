"""The whole fault table, on servers of its own: a hundred thousand mails by each bad provider, with every trouble."""

import subprocess
import sys

import pytest
from django.conf import settings

from tests.faults.toy_provider import BEHAVIOURS


@pytest.mark.long
@pytest.mark.parametrize("in_doubt", ["repeat", "ask", "leave"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_hundred_thousand_mails_survive_every_trouble(behaviour: str, in_doubt: str) -> None:
    chosen = ["--messages", "100000", "--behaviours", behaviour, "--in-doubt", in_doubt]
    command = [sys.executable, "-m", "tests.faults.table", *chosen]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
