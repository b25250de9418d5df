"""The ways out of the house. One file a way; `BACKENDS` names them."""

from delivery.backends.base import Backend
from delivery.backends.local import LocalBackend
from delivery.models import Sender

BACKENDS: dict[str, Backend] = {Sender.Backend.LOCAL.value: LocalBackend()}


def backend_of(sender: Sender) -> Backend:
    """Return the way by which this sender's mail leaves."""
    return BACKENDS[sender.backend]
