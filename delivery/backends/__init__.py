"""The ways out of the house. `WAYS` names them: what each has to be told, and how it is made of that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.sealed import Unreadable
from customers.addresses import canonical
from delivery.answers import Answer, InDoubt, Unavailable
from delivery.backends.base import Backend, Outgoing
from delivery.backends.esps import ESPS
from delivery.backends.esps.backend import EspBackend
from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Address, Field
from delivery.backends.gateway import GatewayBackend
from delivery.backends.local import LocalBackend
from delivery.backends.smtp import Security, Server, SmtpBackend
from delivery.models import Sender

Options = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out: what a form asks for, and the backend made of a sender and its options, secrets among them."""

    make: Callable[[Sender, Options], Backend]
    in_doubt: Callable[[Sender], InDoubt]
    fields: tuple[Field, ...] = ()
    address: Address | None = None
    spf_include: str = ""
    dkim_selectors: tuple[str, ...] = ()


def _smtp(sender: Sender, options: Options) -> Backend:
    host, _, port = sender.address.rpartition(":")
    return SmtpBackend(
        server=Server(
            host=host.strip("[]"),
            port=int(port),
            security=Security(options["security"]),
            username=options.get("username", ""),
            password=options.get("password", ""),
        ),
        envelope_from=canonical(options.get("envelope_from") or sender.from_email),
        connections=int(options.get("connections") or 1),
    )


def _gateway(sender: Sender, options: Options) -> Backend:
    return GatewayBackend(
        address=sender.address, secret=options.get("secret", ""), in_doubt=InDoubt(sender.in_doubt)
    )


def _way_to(esp: Esp) -> Way:
    def make(sender: Sender, options: Options) -> Backend:
        known = {**options, "api_url": sender.address} if sender.address else options
        return EspBackend(esp=esp, options=tuple(sorted((k, v) for k, v in known.items() if v)))

    return Way(
        make=make,
        in_doubt=lambda sender: esp.in_doubt,
        fields=esp.fields,
        address=esp.address,
        spf_include=esp.spf_include,
        dkim_selectors=esp.dkim_selectors,
    )


WAYS: dict[str, Way] = {
    Sender.Backend.LOCAL.value: Way(
        make=lambda sender, options: LocalBackend(), in_doubt=lambda sender: LocalBackend.in_doubt
    ),
    Sender.Backend.SMTP.value: Way(
        make=_smtp,
        in_doubt=lambda sender: SmtpBackend.in_doubt,
        address=Address(label="Server and port", help_text="Such as smtp.shop.example:587", kind="host"),
        fields=(
            Field(
                name="security",
                label="Encryption",
                default=Security.STARTTLS,
                choices=(
                    (Security.STARTTLS, "STARTTLS (mostly port 587)"),
                    (Security.TLS, "TLS from the start (mostly port 465)"),
                    (Security.NONE, "None: for a server beside this one"),
                ),
            ),
            Field(name="username", label="User name", is_required=False),
            Field(name="password", label="Password", is_secret=True, is_required=False),
            Field(
                name="envelope_from",
                label="Return address",
                is_required=False,
                help_text="Where servers send what cannot be delivered. Empty: the sender's address.",
            ),
            Field(
                name="connections",
                label="Connections at once",
                default="1",
                choices=tuple((str(count), str(count)) for count in (1, 2, 4, 8)),
                help_text="For each worker. More of them help where the server is far away.",
            ),
        ),
    ),
    **{name: _way_to(esp) for name, esp in ESPS.items()},
    Sender.Backend.GATEWAY.value: Way(
        make=_gateway,
        in_doubt=lambda sender: InDoubt(sender.in_doubt),
        address=Address(
            label="Address of the gateway", help_text="Where it takes mail: https://mail.example/messages"
        ),
        fields=(
            Field(
                name="secret",
                label="Secret",
                is_secret=True,
                is_required=False,
                help_text="Sent to the gateway as a bearer token.",
            ),
            Field(
                name="in_doubt",
                label="When an answer is lost",
                default=InDoubt.LEAVE,
                choices=tuple(InDoubt.choices),
                help_text="What the gateway promises about a mail that it may have taken.",
            ),
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    """A way whose secrets cannot be read: nothing leaves by it until they are typed in again."""

    in_doubt: InDoubt
    key_lifetime: timedelta | None = timedelta()

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
        raise Unavailable("its secrets cannot be read: SECRET_KEY has changed. Type them in again.")

    def ask(self, keys: Sequence[str], *, deadline: float) -> Mapping[str, str]:
        raise Unavailable("its secrets cannot be read")


def backend_of(sender: Sender) -> Backend:
    """Return the way by which this sender's mail leaves."""
    way = WAYS[sender.backend]
    try:
        return way.make(sender, {**sender.options, **sender.secrets()})
    except Unreadable:
        return _Locked(in_doubt=way.in_doubt(sender))


def in_doubt_of_senders() -> dict[int, InDoubt]:
    """Return what each sender's provider allows with mails whose answer was lost, by the sender's id."""
    return {sender.pk: WAYS[sender.backend].in_doubt(sender) for sender in Sender.objects.order_by("pk")}
