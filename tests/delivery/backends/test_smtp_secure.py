"""TLS and signing in, against an SMTP server that is not ours."""

import asyncio
import math
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from delivery.answers import Accepted, Answer, Unavailable
from delivery.backends.base import Outgoing
from delivery.backends.smtp import Security, Server, SmtpBackend
from delivery.backends.smtp import backend as smtp_backend

MAIL = Outgoing(
    key="regards-1", recipient="c@example.com", subject="", raw=b"Subject: Hi\r\n\r\n.dots\r\nH\xc3\xa9\r\n"
)


class Sink:
    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 2.0.0 Ok: queued as abc"


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.OUTBOUND_ALLOWED = ["127.0.0.0/8"]
    smtp_backend._kept.cache_clear()
    yield
    smtp_backend._kept.cache_clear()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ann", "pa55 wörd".encode())
    return AuthResult(success=known, handled=False)


@contextmanager
def running(sink: Sink, **options: Any) -> Iterator[int]:
    """Run aiosmtpd in a thread, on a port that the system chooses."""
    loop = asyncio.new_event_loop()
    context = options.pop("ssl_context", None)
    # The loop runs in its thread alone: the tests of the browser leave one running in this.
    thread = Thread(target=loop.run_forever)
    thread.start()
    made = loop.create_server(lambda: SMTP(sink, loop=loop, **options), "127.0.0.1", 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(made, loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _ended(server: asyncio.Server) -> None:
    server.close()
    open_still = asyncio.all_tasks() - {asyncio.current_task()}
    for one in open_still:
        one.cancel()
    await asyncio.gather(*open_still, return_exceptions=True)


@contextmanager
def serving(certificate: Path, security: Security) -> Iterator[tuple[Sink, int]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    sink = Sink()
    options: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
    if security == Security.TLS:
        options |= {"ssl_context": context, "auth_require_tls": False}
    else:
        options |= {"tls_context": context, "require_starttls": True}
    with running(sink, **options) as port:
        yield sink, port


def answer_of(port: int, security: Security, *, password: str = "pa55 wörd") -> tuple[list[Answer], str]:
    server = Server(host="127.0.0.1", port=port, security=security, username="ann", password=password)
    answers: list[Answer] = []
    try:
        for answered in SmtpBackend(server=server, envelope_from="news@shop.example").send(
            [MAIL], deadline=math.inf
        ):
            answers.append(answered[1])
    except Unavailable as error:
        return answers, str(error)
    return answers, ""


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_it_signs_in_over_a_verified_connection(
    certificate: Path, security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate, security) as (sink, port):
        assert answer_of(port, security) == ([Accepted(provider_id="abc")], "")
    assert sink.mails == [("news@shop.example", ["c@example.com"], MAIL.raw)]


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_that_nobody_vouches_for_ends_it(certificate: Path, security: Security) -> None:
    with serving(certificate, security) as (sink, port):
        _, error = answer_of(port, security)
    assert "certificate" in error and sink.mails == []


def test_a_wrong_password_says_so_and_fails_no_mail(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate, Security.TLS) as (sink, port):
        answers, error = answer_of(port, Security.TLS, password="wrong")
    assert ([type(one).__name__ for one in answers], sink.mails) == (["Untried"], [])
    assert "535" in error and "wrong" not in error


def test_a_server_without_starttls_gets_no_password() -> None:
    sink = Sink()
    with running(sink) as port:
        _, error = answer_of(port, Security.STARTTLS)
    assert ("STARTTLS" in error, sink.mails) == (True, [])
