"""Mail that leaves by a way of the tests' own."""

import pytest

from delivery.backends import WAYS, Way
from delivery.backends.base import Backend


def leaves_by(patch: pytest.MonkeyPatch, backend: Backend, *, way: str = "local") -> None:
    """Let the mail of senders with this way leave by this backend."""
    stand_in = Way(make=lambda sender, options: backend, in_doubt=lambda sender: backend.in_doubt)
    patch.setitem(WAYS, way, stand_in)
