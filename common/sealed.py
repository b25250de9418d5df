"""Secrets that must be read back, such as a mail server's password: kept encrypted with a key made of SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(ValueError):
    """The secret was sealed with a SECRET_KEY that is not known any more: it has to be typed in again."""


def seal(text: str) -> str:
    """Encrypt; the same text gives another result each time."""
    return _box().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Give back what `seal` was given. Keys in SECRET_KEY_FALLBACKS open too. Raises Unreadable."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable("SECRET_KEY has changed since this secret was stored") from None


def _box() -> MultiFernet:
    return MultiFernet([Fernet(_key(one)) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> bytes:
    """Derive the key; BLAKE2b takes at most 64 bytes of key, hence the hashing first."""
    master = hashlib.blake2b(secret.encode(), digest_size=64, person=b"regards.sealed").digest()
    return base64.urlsafe_b64encode(hashlib.blake2b(b"secrets", key=master, digest_size=32).digest())
