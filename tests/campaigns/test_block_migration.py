"""Blocks from before they had versions: what campaigns froze and what is shown now both stay what they were."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from tests.campaigns.making import draft

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
BEFORE, AFTER = "0006_strategies", "0010_immutable_block_versions"


@pytest.fixture
def migrated_back() -> Iterator[None]:
    """Leave the tables as they were found."""
    yield
    call_command("migrate", "campaigns", verbosity=0)


def rows(sql: str) -> list[tuple[object, ...]]:
    """What the database says."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_frozen_and_present_words_become_versions_and_back(migrated_back: None) -> None:
    first, second = (draft(name).pk for name in ("One", "Two"))
    call_command("migrate", "campaigns", BEFORE, verbosity=0)
    rows(
        "INSERT INTO campaigns_block (key, name, mjml, compiled_html, updated_at) "
        "VALUES ('uk', 'UK', '<mj-text>now</mj-text>', 'now', now())"
    )
    rows(
        "INSERT INTO campaigns_frozenblock (campaign_id, key, compiled_html) VALUES "
        f"({first}, 'uk', 'then'), ({second}, 'uk', 'now'), ({second}, 'gone', 'lost')"
    )
    call_command("migrate", "campaigns", AFTER, verbosity=0)
    assert rows(
        "SELECT block.key, version.number, version.compiled_html, version.id = block.newest_id "
        "FROM campaigns_blockversion version JOIN campaigns_block block ON block.id = version.block_id ORDER BY 1, 2"
    ) == [("gone", 1, "lost", True), ("uk", 1, "then", False), ("uk", 2, "now", True)]
    frozen = (
        "SELECT frozen.campaign_id, frozen.key, version.compiled_html FROM campaigns_frozenblock frozen "
        "JOIN campaigns_blockversion version ON version.id = frozen.version_id ORDER BY 1, 2 DESC"
    )
    assert rows(frozen) == [(first, "uk", "then"), (second, "uk", "now"), (second, "gone", "lost")]
    call_command("migrate", "campaigns", BEFORE, verbosity=0)
    assert rows("SELECT campaign_id, key, compiled_html FROM campaigns_frozenblock ORDER BY 1, 2 DESC") == [
        (first, "uk", "then"),
        (second, "uk", "now"),
        (second, "gone", "lost"),
    ]
    assert rows("SELECT mjml, compiled_html FROM campaigns_block WHERE key = 'uk'") == [
        ("<mj-text>now</mj-text>", "now")
    ]
    rows("DELETE FROM campaigns_frozenblock")
    rows("DELETE FROM campaigns_block")
