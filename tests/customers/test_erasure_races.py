"""Files are searched by one erasure at a time: none writes back what another has removed."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from pytest_django import Settings

from customers.personal_files import remove_lines_about
from customers.policies import Subject

pytestmark = pytest.mark.django_db
ADA, BOB = (
    Subject(customer_ids=[], public_ids=[], emails=[email], identities=[])
    for email in ("ada@example.com", "bob@example.com")
)
LIST = "mail\nada@example.com\nbob@example.com\neve@example.com\n"


@pytest.fixture
def path(settings: Settings, tmp_path: Path) -> Path:
    settings.PERSONAL_FILES = [tmp_path]
    path = tmp_path / "list.csv"
    path.write_text(LIST)
    return path


def another_begins(paths: Collection[Path]) -> Iterator[tuple[Path, Any]]:
    """Let another erasure begin while one has listed the files; it must wait."""
    configured.FILE_MAPPINGS = []
    pool = ThreadPoolExecutor(1)
    other = pool.submit(_remove_bob)
    while not other.done() and not _is_waited_for():
        pass
    assert not other.done()
    configured.BEGUN.append(other)
    yield from ()


def _remove_bob() -> int:
    try:
        return remove_lines_about(BOB)
    finally:
        connection.close()


def _is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone() is not None


def test_the_second_waits_for_the_first_and_both_are_forgotten(path: Path, settings: Settings) -> None:
    settings.FILE_MAPPINGS, settings.BEGUN = [f"{__name__}.another_begins"], []
    assert remove_lines_about(ADA) == 1
    assert settings.BEGUN[0].result() == 1
    assert path.read_text() == "mail\neve@example.com\n"


def take_away(paths: Collection[Path]) -> Iterator[tuple[Path, Any]]:
    """Take a file away that is about to be searched."""
    for path in paths:
        path.unlink()
    yield from ()


def test_a_file_that_vanishes_meanwhile_is_nobodys_problem(path: Path, settings: Settings) -> None:
    settings.FILE_MAPPINGS = [f"{__name__}.take_away"]
    assert remove_lines_about(ADA) == 0
    assert not path.exists()


def test_a_file_that_is_gone_before_it_is_looked_at_is_skipped(
    path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = path.with_name("gone.csv")
    monkeypatch.setattr("customers.personal_files.personal_files", lambda: iter([gone, path]))
    assert remove_lines_about(ADA) == 1
