"""Beat that is told to stop in the middle of a query: it ends, and leaves no process behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from tests.flows.programs import PATIENCE_SECONDS, eventually, point_programs_here

BEAT = [sys.executable, "-m", "celery", "--app", "config", "beat", "--pidfile=", "--loglevel", "info"]


def waits_for_the_schedule() -> bool:
    """Whether another process waits for the table of schedules."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted"
            " AND relation = 'django_celery_beat_periodictasks'::regclass"
        )
        return cursor.fetchone() is not None


def taken(pid: int) -> bool:
    """Whether the process has no signal waiting for it any more."""
    status = Path(f"/proc/{pid}/status").read_text()
    return all(
        int(line.split()[1], 16) == 0 for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))
    )


@pytest.mark.django_db(transaction=True)
def test_beat_told_twice_to_stop_while_it_asks_for_its_schedule_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point_programs_here(monkeypatch)
    with subprocess.Popen(BEAT, cwd=settings.BASE_DIR, stderr=subprocess.PIPE, text=True) as beat:
        try:
            assert any("beat: Starting" in line for line in beat.stderr)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE django_celery_beat_periodictasks IN ACCESS EXCLUSIVE MODE")
                assert eventually(waits_for_the_schedule)
                beat.send_signal(signal.SIGTERM)
                assert eventually(lambda: taken(beat.pid))
                beat.send_signal(signal.SIGTERM)
            beat.communicate(timeout=PATIENCE_SECONDS)
        finally:
            beat.kill()
    assert beat.returncode == 0
