"""What customers allowed, and the addresses that must not be written to."""

import hashlib
from collections.abc import Iterable

from django.conf import settings
from django.db import connection, transaction

from common.clock import now
from customers.addresses import canonical
from customers.models import Consent, Suppression
from customers.profiles import touch

_PUT = """
INSERT INTO customers_consent (customer_id, purpose, is_granted, changed_at, source, proof)
SELECT id, %s, %s, %s, %s, %s FROM customers_customer WHERE id = ANY(%s) ORDER BY id
ON CONFLICT (customer_id, purpose) DO UPDATE SET is_granted = EXCLUDED.is_granted,
  changed_at = EXCLUDED.changed_at, source = EXCLUDED.source, proof = EXCLUDED.proof
WHERE customers_consent.is_granted <> EXCLUDED.is_granted {only}
RETURNING customer_id
"""


def address_hash(email: str) -> bytes:
    """Return SHA-256 of the key, a colon and the canonical address: what is kept of a suppressed address."""
    return hashlib.sha256(f"{settings.SUPPRESSION_KEY}:{canonical(email)}".encode()).digest()


def address_hash_sql(column: str) -> str:
    """Return the same as SQL over a column of canonical addresses; its one parameter is the key.

    `column` is a trusted column name, such as `customer.email`.
    """
    return f"sha256(convert_to(%s || ':' || {column}, 'UTF8'))"


def grant(
    customer_ids: Iterable[int],
    purpose: str = Consent.Purpose.MARKETING_EMAIL,
    *,
    source: str,
    proof: str = "",
    overrule_withdrawal: bool = True,
    tells: bool = True,
) -> int:
    """Store that these customers agree; return how many did not before. One query and the news.

    Imports pass `overrule_withdrawal=False`: what a file claims does not undo what a customer took back. With
    `tells=False` nobody is told of the changes: the caller has everybody judged anew.
    """
    only = "" if overrule_withdrawal else "AND false"
    return _put(customer_ids, purpose, True, source=source, proof=proof, only=only, tells=tells)


def withdraw(
    customer_ids: Iterable[int],
    purpose: str = Consent.Purpose.MARKETING_EMAIL,
    *,
    source: str,
    proof: str = "",
    tells: bool = True,
) -> int:
    """Store that these customers do not agree, or no more; return for how many that is new."""
    return _put(customer_ids, purpose, False, source=source, proof=proof, only="", tells=tells)


def suppress(email: str, reason: str) -> bool:
    """Stop all mail to an address, kept as a keyed hash; say whether that is new. Raises BadAddress."""
    _, is_new = Suppression.objects.get_or_create(
        address_hash=address_hash(email), defaults={"reason": reason}
    )
    return is_new


def is_suppressed(email: str) -> bool:
    """Say whether the address must not be written to. Raises BadAddress."""
    return Suppression.objects.filter(address_hash=address_hash(email)).exists()


def _put(
    customer_ids: Iterable[int],
    purpose: str,
    is_granted: bool,
    *,
    source: str,
    proof: str,
    only: str,
    tells: bool,
) -> int:
    ids = sorted(set(customer_ids))
    if not ids:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PUT.format(only=only), [purpose, is_granted, now(), source[:100], proof[:500], ids])
        changed = [id for (id,) in cursor.fetchall()]
        if tells:
            touch(changed)
    return len(changed)
