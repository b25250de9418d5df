"""One PostgreSQL and one Valkey for the whole run, in a folder of its own (see `tests/settings.py`)."""

import os
import random
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from uuid import UUID

import pytest
from django.apps import apps

from common.services import is_embedded, started

LONGEST_FIRST = ("tests/faults/", "tests/flows/", "tests/browser/")
_SERVERS = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, in the process that the workers belong to."""
    if hasattr(config, "workerinput") or "REGARDS_TEST_VAR" not in os.environ:
        return
    config.stash[_SERVERS] = ExitStack()
    if is_embedded(config.rootpath):
        config.stash[_SERVERS].enter_context(started(Path(os.environ["REGARDS_TEST_VAR"]), durable=False))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers; their folder goes with this process."""
    if _SERVERS in config.stash:
        config.stash[_SERVERS].close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: at the end they would keep one worker busy while the other has none."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST_FIRST))


@pytest.fixture(autouse=True)
def same_draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a test's customers the same public ids in every run: who is drawn into which arm hangs on them."""
    bits = random.Random(request.node.nodeid)
    field = apps.get_model("customers", "Customer")._meta.get_field("public_id")
    monkeypatch.setattr(field, "_get_default", lambda: UUID(int=bits.getrandbits(128), version=4))


@pytest.fixture
def stages(db: None) -> None:
    """The stages that a shop begins with, which tests that empty the tables may have taken away."""
    import_module("segments.migrations.0009_default_stages").install(apps, None)
