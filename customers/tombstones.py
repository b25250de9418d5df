"""What is kept of erased people so that they stay erased: keyed hashes of their ids and addresses.

The key is the suppression list's and is never changed: what was erased cannot be hashed again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from django.conf import settings
from django.db import connection


class Named(Protocol):
    """Somebody as a source names them: `customers.identity.Person`."""

    @property
    def namespace(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def email(self) -> str: ...


P = TypeVar("P", bound=Named)
EMAIL, OURS = "email", "regards"
"""Namespaces of the hashes of canonical addresses (as in `CustomerIdentity.EMAIL`) and of our own public ids."""


def key_hash(namespace: str, value: str) -> bytes:
    """Return SHA-256 of the key, the namespace and the value, a line each."""
    text = f"{settings.SUPPRESSION_KEY}\n{namespace}\n{value}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def key_hash_sql(namespace: str, value: str) -> str:
    """Return the same as SQL over two trusted expressions; its one parameter is the key."""
    return f"sha256(convert_to(%s || E'\\n' || {namespace} || E'\\n' || {value}, 'UTF8'))"


def erased(people: Iterable[P]) -> set[P]:
    """Say who of these was erased, by id or by canonical address. One query, two hashes a person at most."""
    hashes: dict[P, list[bytes]] = {person: list(_hashes(person)) for person in people}
    found = _found(hashes)
    return {person for person, theirs in hashes.items() if not found.isdisjoint(theirs)}


GONE = (
    "SELECT id, merged_into_id IS NOT NULL, erased_at IS NOT NULL FROM customers_customer"
    " WHERE id = ANY(%s) AND (merged_into_id IS NOT NULL OR erased_at IS NOT NULL)"
)


def gone_among(customer_ids: Iterable[int]) -> tuple[set[int], set[int]]:
    """Return which of these customers were merged into others, and which are what is left of somebody erased; one
    query."""
    with connection.cursor() as cursor:
        cursor.execute(GONE, [list(customer_ids)])
        return gone_in(cursor.fetchall())


def gone_in(rows: Iterable[tuple[int, bool, bool]]) -> tuple[set[int], set[int]]:
    """Return the same of what `GONE` has answered."""
    gone = list(rows)
    return {id for id, is_merged, _ in gone if is_merged}, {id for id, _, is_erased in gone if is_erased}


def _hashes(person: Named) -> Iterator[bytes]:
    if person.value:
        yield key_hash(person.namespace, person.value)
    if person.email:
        yield key_hash(EMAIL, person.email)


def _found(hashes: Mapping[P, list[bytes]]) -> set[bytes]:
    wanted = sorted({one for theirs in hashes.values() for one in theirs})
    if not wanted:
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT key_hash FROM customers_tombstone WHERE key_hash = ANY(%s)", [wanted])
        return {bytes(one) for (one,) in cursor.fetchall()}
