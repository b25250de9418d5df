"""The whole fault table, on servers of its own: a hundred thousand mails by each bad provider, with every trouble."""

import subprocess
import sys

import pytest
from django.conf import settings

from tests.faults.toy_provider import BEHAVIOURS


@pytest.mark.long
@pytest.mark.parametrize(
    "chosen",
    [
        *([one] for one in BEHAVIOURS),
        *(["loses_replies", "--in-doubt", one] for one in ("ask", "leave")),
        *([one, "--in-doubt", "leave"] for one in ("fails", "stalls", "resets")),
    ],
    ids=" ".join,
)
def test_a_hundred_thousand_mails_survive_every_trouble(chosen: list[str]) -> None:
    chosen = ["--messages", "100000", "--behaviours", *chosen]
    command = [sys.executable, "-m", "tests.faults.table", *chosen]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
