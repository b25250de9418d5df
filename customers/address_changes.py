"""A customer's address becomes another: the old one leads to them still, what was granted for it is not carried over.

Whoever agreed to mail agreed for one mailbox. The new address may be somebody else's, mistyped or shared: mail to it
needs an answer of its own. What was taken back stays taken back.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from common.clock import now
from customers.addresses import BadAddress, canonical
from customers.consent import ADDRESS_CHANGED, MAIL_PURPOSES, log_what_holds
from customers.duplicates import suspect
from customers.merging import lock_customers, lock_makers
from customers.models import Consent, Customer, CustomerIdentity, DuplicatePair, SourcePolicy
from customers.profiles import store_traits, touch
from customers.tombstones import EMAIL, key_hash_sql

EMAIL_AT = "email"
TOLD_EMAIL = "told_email"
NOTED = f"attributes.{TOLD_EMAIL}"
"""Where an address stands that a source without the policy to change it tells."""
# An address that was theirs before is no news: sources that repeat it do not bring it back. One of which it is not
# known since when it is theirs, stands since the customer or what they allow was last written.
_NEWS = f"""
SELECT c.id FROM unnest(%s::bigint[], %s::text[], %s::float8[]) AS n(id, email, at)
JOIN customers_customer c ON c.id = n.id
WHERE c.email <> n.email AND c.merged_into_id IS NULL AND c.erased_at IS NULL
  AND coalesce((c.traits_at->>%s)::float8, extract(epoch FROM greatest(c.updated_at,
    (SELECT max(changed_at) FROM customers_consent WHERE customer_id = c.id)))::float8) <= n.at
  AND NOT EXISTS (SELECT FROM customers_customeridentity i
    WHERE i.namespace = %s AND i.value = n.email AND i.customer_id = c.id)
  AND NOT EXISTS (SELECT FROM customers_tombstone WHERE key_hash = {key_hash_sql("%s", "n.email")})
ORDER BY c.id
"""  # noqa: S608 - constants only

_TOLD_ELSEWHERE = """
SELECT c.id FROM unnest(%s::text[], %s::text[], %s::text[]) AS n(namespace, value, email)
JOIN customers_customeridentity i USING (namespace, value) JOIN customers_customer c ON c.id = i.customer_id
GROUP BY c.id HAVING NOT coalesce(bool_or(c.email = n.email), false)
"""


class NewAddress(NamedTuple):
    """A canonical address that a source tells of a customer, and when, in seconds since 1970."""

    email: str
    at: float


def owners_of_addresses(emails: Iterable[str]) -> dict[str, int]:
    """Return the customers whom addresses lead to, their own and further ones. One query."""
    wanted = sorted({email for email in emails if email})
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT email, id FROM customers_customer WHERE email = ANY(%s) UNION ALL"
            " SELECT value, customer_id FROM customers_customeridentity WHERE namespace = %s AND value = ANY(%s)",
            [wanted, CustomerIdentity.EMAIL, wanted],
        )
        return dict(cursor.fetchall())


def told_elsewhere(told: Iterable[tuple[str, str, str]]) -> set[int]:
    """Return the customers whom (namespace, id, address) name with no address that their mail goes to. One query.

    What is allowed together with an address is allowed for that mailbox. Who is named without any is not among them.
    """
    named = {(namespace, id, _canonical(email)) for namespace, id, email in told if email}
    named = {(namespace, id, email) if id else (EMAIL, email, email) for namespace, id, email in named}
    if not named:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_TOLD_ELSEWHERE, list(map(list, zip(*sorted(named), strict=True))))
        return {id for (id,) in cursor.fetchall()}


def _canonical(email: str) -> str:
    """The address as customers have it; one that nobody can have stays as it is."""
    try:
        return canonical(email)
    except BadAddress:
        return email


def take_over(told: Mapping[int, NewAddress], *, source: str) -> int:
    """Give customers the address that their source tells now, if its policy lets it; return how many conflicts.

    Without that policy mail stays where it is: whoever has a public write key could redirect it. The address is noted
    on the profile. One that somebody else has changes nothing: the two are listed for review. One query where nothing
    is new.
    """
    news = _news(told)
    if not news:
        return 0
    if SourcePolicy.objects.filter(source=source, changes_email=True).exists():
        owners = _change_addresses(told)
    else:
        owners = owners_of_addresses(told[id].email for id in news)
        free = [id for id in news if told[id].email not in owners]
        store_traits({id: {NOTED: (told[id].at, told[id].email)} for id in free})
    emails = [(id, told[id].email) for id in news]
    claimed = [(owners[email], id, email) for id, email in emails if owners.get(email, id) != id]
    suspect(claimed, reason=DuplicatePair.Reason.ADDRESS)
    return len(claimed)


def _change_addresses(told: Mapping[int, NewAddress]) -> dict[str, int]:
    """Change what is news now that nobody else makes customers; return who has each address then."""
    with transaction.atomic():
        lock_makers()
        news = _news(told)
        owners = owners_of_addresses(told[id].email for id in news)
        for id in news:
            if owners.setdefault(told[id].email, id) == id:
                change_address(id, told[id].email, at=told[id].at)
    return owners


def change_address(customer_id: int, email: str, *, at: float | None = None) -> None:
    """Make this the address that mail goes to; it must be nobody else's. The makers' lock must be held.

    Raises Customer.DoesNotExist for who was merged into somebody or erased.
    """
    (customer,) = lock_customers([customer_id])
    if customer.merged_into_id is not None or customer.erased_at is not None:
        raise Customer.DoesNotExist(f"{customer_id} has no address any more.")
    customer.traits_at[EMAIL_AT] = now().timestamp() if at is None else at
    if customer.attributes.get(TOLD_EMAIL) == email:  # no longer something that a source only claims
        del customer.attributes[TOLD_EMAIL]
        customer.traits_at.pop(NOTED, None)
    if customer.email == email:
        customer.save(update_fields=["attributes", "traits_at"])
        return
    CustomerIdentity.objects.filter(namespace=CustomerIdentity.EMAIL, value=email).delete()
    if customer.email:
        CustomerIdentity.objects.create(
            namespace=CustomerIdentity.EMAIL, value=customer.email, customer=customer
        )
    customer.email, customer.is_anonymous = email, False
    customer.save(update_fields=["email", "is_anonymous", "attributes", "traits_at", "updated_at"])
    granted = Consent.objects.filter(customer=customer, purpose__in=MAIL_PURPOSES, is_granted=True)
    purposes = list(granted.values_list("purpose", flat=True))
    granted.delete()
    log_what_holds([customer.pk], purposes, source=ADDRESS_CHANGED, proof="granted for another address")
    touch([customer.pk])


def _news(told: Mapping[int, NewAddress]) -> list[int]:
    """Whose address would change, in order."""
    ids = sorted(told)
    if not ids:
        return []
    emails, times = [told[id].email for id in ids], [told[id].at for id in ids]
    key = settings.SUPPRESSION_KEY
    with connection.cursor() as cursor:
        cursor.execute(_NEWS, [ids, emails, times, EMAIL_AT, EMAIL, key, EMAIL])
        return [id for (id,) in cursor.fetchall()]
