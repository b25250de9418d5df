"""The ways out of the house. One file a way; `BACKENDS` names them."""

from collections.abc import Callable

from delivery.answers import InDoubt
from delivery.backends.base import Backend
from delivery.backends.gateway import GatewayBackend
from delivery.backends.local import LocalBackend
from delivery.models import Sender

BACKENDS: dict[str, Callable[[Sender], Backend]] = {
    Sender.Backend.LOCAL.value: lambda sender: LocalBackend(),
    Sender.Backend.GATEWAY.value: lambda sender: GatewayBackend(
        address=sender.address, secret=sender.secret, in_doubt=InDoubt(sender.in_doubt)
    ),
}


def backend_of(sender: Sender) -> Backend:
    """Return the way by which this sender's mail leaves."""
    return BACKENDS[sender.backend](sender)


def in_doubt_of_senders() -> dict[int, InDoubt]:
    """Return what each sender's provider allows with mails whose answer was lost, by the sender's id."""
    return {sender.pk: backend_of(sender).in_doubt for sender in Sender.objects.order_by("pk")}
