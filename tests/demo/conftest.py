"""A small generated world: 300 customers, 66 products."""

from datetime import UTC, datetime

import pytest

from demo.history import build_history
from demo.records import History
from demo.world import World, build_world

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(seed=7, size=300, products=66, now=NOW)


@pytest.fixture(scope="session")
def history(world: World) -> History:
    return build_history(world)


@pytest.fixture(scope="session")
def big_world() -> World:
    return build_world(now=NOW)


@pytest.fixture(scope="session")
def big_history(big_world: World) -> History:
    return build_history(big_world)
