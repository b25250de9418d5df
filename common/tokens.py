"""Short signed tokens for the links in a message, each good for one purpose.

A token says "message 4711, for clicking, until then" and is signed with keyed BLAKE2b. The purpose goes into the
key, so that a token cut from a click link cannot unsubscribe anybody.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from functools import lru_cache

from django.conf import settings

MAC_BYTES = 12
NUMBER_BYTES = 8
EXPIRY_BYTES = 5


class BadToken(ValueError):
    """The token was not made by us, not for this purpose, or has expired."""


def sign(purpose: str, message_id: int, *, expires_at: datetime | None = None) -> str:
    """Make the URL-safe token of one message for one purpose.

    `expires_at` is aware; without it the token never expires. Raises ValueError for a negative or too large id.
    """
    if not 0 <= message_id < 1 << (8 * NUMBER_BYTES - 1):
        raise ValueError(f"message id {message_id} does not fit a token")
    payload = _payload(message_id, expires_at)
    mac = _mac(_key(settings.SECRET_KEY, purpose), payload)
    return base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode("ascii")


def read(purpose: str, token: str, *, now: datetime | None = None) -> int:
    """Give back the message id that `sign` put into the token.

    `now` is needed only for tokens with an expiry (without it they are refused). Keys in SECRET_KEY_FALLBACKS are
    accepted too. Raises BadToken.
    """
    payload, mac = _split(token)
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    matches = [hmac.compare_digest(_mac(_key(secret, purpose), payload), mac) for secret in secrets]
    if not any(matches):
        raise BadToken("the signature does not match")
    flag_and_number = payload[1 : 1 + payload[0] % 16]
    expiry = payload[1 + payload[0] % 16 :]
    if expiry and (now is None or now.timestamp() >= int.from_bytes(expiry, "big")):
        raise BadToken("the token has expired")
    return int.from_bytes(flag_and_number, "big")


def caseless(token: str) -> str:
    """Spell a token in small letters and digits, for where case may be lost; `from_caseless` undoes it."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return base64.b32encode(raw).rstrip(b"=").decode("ascii").lower()


def from_caseless(text: str) -> str:
    """Return the token that `caseless` spelt, for `read` to check. Raises BadToken for what is no such spelling."""
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise BadToken("the token is not readable") from error
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _payload(message_id: int, expires_at: datetime | None) -> bytes:
    """One byte that holds the id's length (low) and the expiry's length (high), the id, the expiry in seconds."""
    number = message_id.to_bytes(max(1, (message_id.bit_length() + 7) // 8), "big")
    expiry = b"" if expires_at is None else int(expires_at.timestamp()).to_bytes(EXPIRY_BYTES, "big")
    return bytes([len(number) + 16 * len(expiry)]) + number + expiry


def _split(token: str) -> tuple[bytes, bytes]:
    try:
        raw = base64.b64decode(
            token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True
        )
    except (UnicodeEncodeError, binascii.Error) as error:
        raise BadToken("the token is not readable") from error
    payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    if not payload or len(payload) != 1 + payload[0] % 16 + payload[0] // 16:
        raise BadToken("the token has the wrong length")
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != token:
        raise BadToken("the token has a second spelling")
    return payload, mac


@lru_cache(maxsize=64)
def _key(secret: str, purpose: str) -> bytes:
    """Derive the key of one purpose; BLAKE2b takes at most 64 bytes of key, hence the hashing first."""
    master = hashlib.blake2b(secret.encode(), digest_size=64, person=b"regards.tokens").digest()
    return hashlib.blake2b(purpose.encode(), key=master, digest_size=32).digest()


def _mac(key: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, key=key, digest_size=MAC_BYTES).digest()
