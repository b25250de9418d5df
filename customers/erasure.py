"""Erasing a person: a surrogate that nothing leads to keeps amounts and counts, everything else goes.

What happens to each table is declared (see `customers.policies`). Of the person only keyed hashes stay, so that
later events for them are refused and a restored backup can be cleaned again; the receipt holds counts.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from accounts import audit
from accounts.models import User
from customers.aliases import survivors
from customers.facts import lock_facts
from customers.merging import lock_customers, lock_makers
from customers.models import Customer, CustomerIdentity, ErasureReceipt, Order, Refund, Tombstone
from customers.personal_files import remove_lines_about
from customers.policies import OnErasure, Policy, Subject, policies
from customers.tombstones import EMAIL, OURS, erased, key_hash, key_hash_sql

__all__ = ["AlreadyErased", "erase", "erased", "replay", "subject_of"]


_NAMED_SO = f"""
WITH named AS (
  SELECT id, {key_hash_sql("%s", "email")} AS hash FROM customers_customer WHERE email IS NOT NULL
  UNION ALL SELECT id, {key_hash_sql("%s", "public_id::text")} FROM customers_customer
  UNION ALL SELECT customer_id, {key_hash_sql("namespace", "value")} FROM customers_customeridentity
)
SELECT DISTINCT ON (c.id) c.id, named.hash FROM named JOIN customers_customer c USING (id)
WHERE c.erased_at IS NULL AND named.hash = ANY(%s) ORDER BY c.id
"""  # noqa: S608 - constants only


class AlreadyErased(Exception):
    """There is nothing left of this person."""


def subject_of(customer: Customer) -> Subject:
    """Return every name that a customer and the profiles merged into them are found by; five queries."""
    profiles = [customer]
    while more := list(
        Customer.objects.filter(merged_into__in=profiles).exclude(pk__in=[one.pk for one in profiles])
    ):
        profiles += more
    known = CustomerIdentity.objects.filter(customer__in=profiles).order_by("namespace", "value")
    identities = list(known.values_list("namespace", "value"))
    further = (value for namespace, value in identities if namespace == CustomerIdentity.EMAIL)
    return Subject(
        customer_ids=sorted(one.pk for one in profiles),
        public_ids=[str(one.public_id) for one in profiles],
        emails=sorted({*further, *(one.email for one in profiles if one.email)}),
        identities=identities,
        orders=sorted(
            name
            for model in (Order, Refund)
            for name in model._default_manager.filter(customer__in=profiles).values_list(
                "source", "external_id"
            )
        ),
    )


def erase(
    customer_id: int, *, by: User | None, reason: str, receipt_id: UUID | None = None
) -> ErasureReceipt:
    """Erase a customer, once, and return the receipt. Raises AlreadyErased and Customer.DoesNotExist.

    Files and free text are searched first, which may take long; then one transaction, with the locks that
    identification and ingest take, in their order; then files and text are searched once more, for what came in
    between. The hashes are in the file of erasures before the transaction commits: a crash in between erases once
    more at the next replay, and forgets nobody. `reason` must not name the person.
    """
    started = time.time()
    subject = subject_of(_survivor(customer_id))
    files = remove_lines_about(subject)
    found = _search(subject)
    with transaction.atomic(), connection.cursor() as cursor:
        lock_makers()
        subject = subject_of(_survivor(customer_id))
        lock_customers(subject.customer_ids)
        lock_facts(subject.customer_ids)
        receipt, _ = ErasureReceipt.objects.get_or_create(
            pk=receipt_id or uuid4(), defaults={"asked_by": by, "reason": reason[:100]}
        )
        hashes = sorted(_hashes(subject))
        Tombstone.objects.bulk_create(
            [Tombstone(key_hash=one, receipt=receipt) for one in hashes], ignore_conflicts=True
        )
        cursor.execute("SET LOCAL regards.erasure = 'on'")
        counts = Counter(receipt.counts) + _apply(subject, policies(), found) + Counter(files=files)
        cursor.execute("SET LOCAL regards.erasure = 'off'")
        receipt.counts = dict(sorted(counts.items()))
        receipt.save(update_fields=["counts"])
        audit.record(by, "erased a person", receipt)
        _remember({"receipt": str(receipt.pk), "hashes": [one.hex() for one in hashes]})
    _search_again(subject, receipt, since=started)
    return receipt


def _search(subject: Subject) -> dict[str, set[Any]]:
    """The keys of rows whose text names the person, by table; reads tables whole, and locks nothing."""
    return {policy.model: policy.search(subject) for policy in policies() if policy.is_searched}


def _search_again(subject: Subject, receipt: ErasureReceipt, *, since: float) -> None:
    """Treat what was written while the erasure was on its way; nobody waits for this."""
    files = remove_lines_about(subject, since=since)
    found = _search(subject)
    late = [policy for policy in policies() if found.get(policy.model)]
    if not files and not late:
        return
    with transaction.atomic():
        counts = Counter(receipt.counts) + _apply(subject, late, found) + Counter(files=files)
        receipt.counts = dict(sorted(counts.items()))
        receipt.save(update_fields=["counts"])


def _survivor(customer_id: int) -> Customer:
    """The customer, or whom they were merged into. Raises AlreadyErased and Customer.DoesNotExist."""
    customer = Customer.objects.get(pk=survivors([customer_id]).get(customer_id, customer_id))
    if customer.erased_at is not None:
        raise AlreadyErased
    return customer


def readmit(email: str) -> bool:
    """Let an erased address in again, because whoever has it asked for it anew; say whether it was erased."""
    if not Tombstone.objects.filter(key_hash=key_hash(EMAIL, email)).delete()[0]:
        return False
    _remember({"readmitted": key_hash(EMAIL, email).hex()})
    return True


def replay(*, by: User | None = None) -> int:
    """Erase again whom a restored backup brought back; returns how many people that were.

    Hashes come from the file of erasures and from the database, whichever of them is newer. Two passes over the
    table of customers, however many were erased.
    """
    receipts = _remembered()
    for receipt_id, one in Tombstone.objects.values_list("receipt_id", "key_hash"):
        receipts.setdefault(str(receipt_id), set()).add(bytes(one))
    owner = {one: receipt for receipt, hashes in receipts.items() for one in hashes}
    back = {customer_id: owner[one] for customer_id, one in _alive(sorted(owner))}
    for customer_id, receipt in sorted(back.items()):
        erase(customer_id, by=by, reason="replayed after a restore", receipt_id=UUID(receipt))
    return len(back)


def _hashes(subject: Subject) -> Iterator[bytes]:
    yield from (key_hash(EMAIL, email) for email in subject.emails)
    yield from (key_hash(namespace, value) for namespace, value in subject.identities)
    yield from (key_hash(OURS, public_id) for public_id in subject.public_ids)


def _apply(subject: Subject, tables: Iterable[Policy], found: Mapping[str, Collection[Any]]) -> Counter[str]:
    """Delete and empty the person's rows, table by table, with those that were found; returns how many of each."""
    counts: Counter[str] = Counter()
    for policy in tables:
        rows = policy.rows_of(subject, found=found.get(policy.model, ()))
        if policy.on_erasure == OnErasure.DELETED:
            counts[policy.model] = rows.delete()[0]
        elif policy.on_erasure == OnErasure.EMPTIED:
            counts[policy.model] = rows.update(**policy.empties)
    return counts


def _alive(hashes: list[bytes]) -> list[tuple[int, bytes]]:
    """Customers whose address, id or public id has one of these hashes, with the hash."""
    key = settings.SUPPRESSION_KEY
    with connection.cursor() as cursor:
        cursor.execute(_NAMED_SO, [key, EMAIL, key, OURS, key, hashes])
        return [(id, bytes(one)) for id, one in cursor.fetchall()]


def _remember(line: dict[str, object]) -> None:
    """Append to the file of erasures, on disk before this returns."""
    path = Path(settings.ERASURES_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, (json.dumps(line) + "\n").encode())
        os.fsync(file)
    finally:
        os.close(file)


def _remembered() -> dict[str, set[bytes]]:
    """The hashes in the file of erasures by receipt, without those of who came back since."""
    found: dict[str, set[bytes]] = {}
    path = Path(settings.ERASURES_FILE)
    lines: Iterable[str] = path.read_text().splitlines() if path.exists() else ()
    for line in map(json.loads, lines):
        if "readmitted" in line:
            for hashes in found.values():
                hashes.discard(bytes.fromhex(line["readmitted"]))
        else:
            found.setdefault(line["receipt"], set()).update(map(bytes.fromhex, line["hashes"]))
    return found
