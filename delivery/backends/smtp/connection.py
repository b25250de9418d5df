"""Opening an SMTP session: the address, TLS and who we are. From then on `conversation` speaks."""

import base64
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from common import outbound
from delivery.answers import Unavailable

PATIENCE_SECONDS = min(30.0, settings.DELIVERY_LEASE_SECONDS / 8)
"""How long one reply may take; a quarter of the time in which a group may be handed over."""
_SIGNED_IN = 235


class Security(StrEnum):
    """How the way to the server is protected. The first two verify its certificate."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mail is handed in, and as whom; no `username`: as nobody."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = ""

    def open(self) -> smtplib.SMTP:
        """Connect, secure the way, say hello and sign in. Raises Unavailable, which says what went wrong."""
        smtp: smtplib.SMTP | None = None
        try:
            smtp = self._connected()
            if self.security == Security.STARTTLS:
                smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
            if self.username:
                self._sign_in(smtp)
        except (OSError, ValueError, httpx.TransportError, smtplib.SMTPException) as error:
            if smtp is not None:
                with suppress(OSError):
                    smtp.close()
            raise Unavailable(f"{self.host}: {_words(error)}") from error
        assert smtp.sock is not None
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        """Sign in; smtplib knows no letters outside of ASCII, so those go by AUTH PLAIN (RFC 4616)."""
        if f"{self.username}{self.password}".isascii():
            smtp.login(self.username, self.password)
            return
        proof = base64.b64encode(f"\0{self.username}\0{self.password}".encode()).decode()
        code, said = smtp.docmd("AUTH", f"PLAIN {proof}")
        if code != _SIGNED_IN:
            raise smtplib.SMTPAuthenticationError(code, said)

    def _connected(self) -> smtplib.SMTP:
        name = urlsplit(settings.BASE_URL).hostname or "localhost"
        if self.security == Security.TLS:
            return _CheckedTls(
                self.host,
                self.port,
                local_hostname=name,
                timeout=PATIENCE_SECONDS,
                context=ssl.create_default_context(),
            )
        return _Checked(self.host, self.port, local_hostname=name, timeout=PATIENCE_SECONDS)


class _Checked(smtplib.SMTP):
    """Connects to the address that was checked to be none of the house; certificates are those of the name."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return super()._get_socket(str(outbound.checked(host, port)), port, timeout)  # type: ignore[misc]


class _CheckedTls(smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return super()._get_socket(str(outbound.checked(host, port)), port, timeout)  # type: ignore[misc]


def _words(error: Exception) -> str:
    """What the server said, or what went wrong, as one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {text}"
    return f"{error}" or type(error).__name__
