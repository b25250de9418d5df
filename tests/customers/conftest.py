"""Tracking: a tracker with its key, and memories that do not outlive a test."""

import importlib
from collections.abc import Iterator

import pytest
from django.apps import apps

from customers.tracking import keys, names
from tests.customers.tracking import Tracker


@pytest.fixture
def usual_names(db: None) -> Iterator[None]:
    """The names of the migration, which tests that empty the tables take away; and no memory of earlier tests."""
    importlib.import_module("customers.migrations.0010_usual_event_names").add(apps, None)
    keys._kept.clear()
    names.forget()
    yield
    keys._kept.clear()
    names.forget()


@pytest.fixture
def tracker(usual_names: None) -> Tracker:
    """A tracker of the source `webshop`."""
    return Tracker()
