"""Tracking: a tracker with its key, and memories that do not outlive a test."""

from collections.abc import Iterator

import pytest

from customers.tracking import keys, names
from tests.customers.tracking import Tracker


@pytest.fixture
def tracker(db: None) -> Iterator[Tracker]:
    """A tracker of the source `webshop`; names and keys are read anew, as in a fresh process."""
    keys._kept.clear()
    names.forget()
    yield Tracker()
    keys._kept.clear()
    names.forget()
