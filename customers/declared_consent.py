"""Grants the consent that a mapping declares, on each road by which rows come: files, hooks, and the quarantine."""

from collections.abc import Iterable, Mapping
from typing import Any

from customers import consent
from customers.address_changes import told_elsewhere


def grant_declared(
    mapping: Mapping[str, Any],
    customer_ids: Iterable[int],
    *,
    named: Iterable[tuple[str, str, str]],
    source: str,
) -> set[int]:
    """Grant what the mapping declares, if it does, and return whom it is granted to.

    `named` are (namespace, id, address) as the rows name the customers. What is allowed for one mailbox is granted to
    those alone whose mail goes to an address that the rows name, or whom they name without any. What somebody took
    back is not granted again.
    """
    said, theirs = mapping.get("consent"), set(customer_ids)
    if not said or not theirs:
        return set()
    if said["purpose"] in consent.MAIL_PURPOSES:
        theirs -= told_elsewhere(named)
    consent.grant(theirs, said["purpose"], source=source, proof=said["proof"], overrule_withdrawal=False)
    return theirs
