"""What customers allowed, each answer with its proof, and the addresses that must not be written to."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from common.clock import now
from customers import profiling
from customers.addresses import canonical
from customers.aliases import survivors
from customers.models import Consent, ConsentText, Customer, Purpose, Suppression
from customers.news import CONSENT, PROFILE, SCORE
from customers.profiles import touch

MERGED = "merge"
"""The source of an answer that a merge carried over; whoever says the same again says it themselves."""
ADDRESS_CHANGED = "address changed"
"""The source of the log's line that a grant for the address before has ended."""
MAIL_PURPOSES = (Purpose.MARKETING_EMAIL, Purpose.OPEN_TRACKING, Purpose.CLICK_TRACKING)
"""What is allowed for one mailbox."""
# Rows are locked first: a merge that is under way is waited for, and whom it made an alias is not written to.
_PUT = """
WITH known AS MATERIALIZED (
  SELECT id FROM customers_customer WHERE id = ANY(%(ids)s) AND erased_at IS NULL AND merged_into_id IS NULL
  ORDER BY id FOR NO KEY UPDATE
), changed AS (
  INSERT INTO customers_consent AS had (customer_id, purpose, is_granted, changed_at, source, proof, text_id)
  SELECT id, %(purpose)s, %(is_granted)s, %(at)s, %(source)s, %(proof)s, %(text)s FROM known
  ORDER BY id
  ON CONFLICT (customer_id, purpose) DO UPDATE SET is_granted = EXCLUDED.is_granted,
    changed_at = EXCLUDED.changed_at, source = EXCLUDED.source, proof = EXCLUDED.proof, text_id = EXCLUDED.text_id
  WHERE %(overrules)s AND (had.is_granted <> EXCLUDED.is_granted OR had.source = %(merged)s
    OR EXCLUDED.text_id IS NOT NULL AND had.text_id IS DISTINCT FROM EXCLUDED.text_id)
  RETURNING customer_id
), logged AS (
  INSERT INTO customers_consentrecord (customer_id, purpose, is_granted, at, source, proof, text_id)
  SELECT customer_id, %(purpose)s, %(is_granted)s, %(at)s, %(source)s, %(proof)s, %(text)s FROM changed
  ORDER BY customer_id
)
SELECT id, id IN (SELECT customer_id FROM changed) FROM known
"""
_PROFILED = """
WITH known AS (SELECT id FROM customers_customer WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE)
UPDATE customers_customer c SET allows_profiling = %(is_granted)s, updated_at = statement_timestamp()
FROM known WHERE c.id = known.id
"""
WORDINGS = {
    Purpose.MARKETING_EMAIL: "I want to get offers and news by e-mail. I can say no at any time, in every mail.",
    Purpose.OPEN_TRACKING: "You may note whether I open your e-mails, to send me fewer that I do not read.",
    Purpose.CLICK_TRACKING: "You may note which links in your e-mails I follow, to learn what interests me.",
    Purpose.PROFILING: "You may learn my tastes from what I look at and buy, to recommend what fits.",
}


SCOPES = {
    Suppression.Reason.HARD_BOUNCE: Suppression.Scope.ALL,
    Suppression.Reason.COMPLAINT: Suppression.Scope.ALL,
    Suppression.Reason.MANUAL: Suppression.Scope.ALL,
    Suppression.Reason.UNSUBSCRIBED: Suppression.Scope.MARKETING,
}
"""What an imported list stops, by the reason that it is brought with."""


def address_hash(email: str) -> bytes:
    """Return SHA-256 of the key, a colon and the canonical address: what is kept of a suppressed address."""
    return hashlib.sha256(f"{settings.SUPPRESSION_KEY}:{canonical(email)}".encode()).digest()


def address_hash_sql(column: str) -> str:
    """Return the same as SQL over a column of canonical addresses; its one parameter is the key.

    `column` is a trusted column name, such as `customer.email`.
    """
    return f"sha256(convert_to(%s || ':' || {column}, 'UTF8'))"


def current_text(purpose: str) -> ConsentText:
    """Return the wording that people are shown now; the first one is made from `WORDINGS`."""
    found = ConsentText.objects.filter(purpose=purpose).order_by("-version").first()
    return found or publish_text(purpose, WORDINGS[Purpose(purpose)])


def publish_text(purpose: str, wording: str) -> ConsentText:
    """Store a wording as the newest version; the same words again are the version they had."""
    digest = hashlib.sha256(wording.encode()).hexdigest()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('customers_consenttext'))")
        last = ConsentText.objects.filter(purpose=purpose).aggregate(last=Max("version"))["last"] or 0
        text, _ = ConsentText.objects.get_or_create(
            purpose=purpose, sha256=digest, defaults={"wording": wording, "version": last + 1}
        )
    return text


def grant(
    customer_ids: Iterable[int],
    purpose: str = Purpose.MARKETING_EMAIL,
    *,
    source: str,
    proof: str = "",
    text: ConsentText | None = None,
    overrule_withdrawal: bool = True,
    tells: bool = True,
) -> int:
    """Store that these customers agree (to `text`, where they saw one); return for how many that is new.

    A new wording is a new answer. Imports pass `overrule_withdrawal=False`: what a file claims does not undo what
    a customer took back. With `tells=False` nobody is told of the changes: the caller has everybody judged anew.
    """
    return _put(
        customer_ids,
        purpose,
        True,
        source=source,
        proof=proof,
        text=text,
        overrules=overrule_withdrawal,
        tells=tells,
    )


def withdraw(
    customer_ids: Iterable[int],
    purpose: str = Purpose.MARKETING_EMAIL,
    *,
    source: str,
    proof: str = "",
    text: ConsentText | None = None,
    tells: bool = True,
) -> int:
    """Store that these customers do not agree, or no more; return for how many that is new."""
    return _put(
        customer_ids, purpose, False, source=source, proof=proof, text=text, overrules=True, tells=tells
    )


def log_what_holds(customer_ids: Iterable[int], purposes: Iterable[str], *, source: str, proof: str) -> None:
    """Add a line to the log for each of these customers and purposes, saying what holds; one query.

    For changes that nobody asked for themselves: profiles that became one, or two again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_consentrecord (customer_id, purpose, is_granted, at, source, proof, text_id)"
            " SELECT c.id, p.purpose, coalesce(n.is_granted, false), %s, %s, %s, n.text_id"
            " FROM unnest(%s::bigint[]) AS c(id) CROSS JOIN unnest(%s::text[]) AS p(purpose)"
            " LEFT JOIN customers_consent n ON n.customer_id = c.id AND n.purpose = p.purpose ORDER BY 1, 2",
            [now(), source, proof, sorted(set(customer_ids)), sorted(set(purposes))],
        )


def may_track(customer_ids: Iterable[int], purpose: str) -> set[int]:
    """Return whose openings or clicks may be noted; one query.

    Those who answered decide; for the others `settings.TRACKING_NEEDS_CONSENT` does. Nobody erased is among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id FROM customers_customer c"
            " LEFT JOIN customers_consent n ON n.customer_id = c.id AND n.purpose = %s"
            " WHERE c.id = ANY(%s) AND c.erased_at IS NULL AND coalesce(n.is_granted, %s)",
            [purpose, sorted(set(customer_ids)), not settings.TRACKING_NEEDS_CONSENT],
        )
        return {id for (id,) in cursor.fetchall()}


def answers(customer: Customer) -> dict[Purpose, bool]:
    """Return what holds for a customer now, purpose by purpose, whether they were asked or not; two queries."""
    given = dict(Consent.objects.filter(customer=customer).values_list("purpose", "is_granted"))
    tracked = not settings.TRACKING_NEEDS_CONSENT
    unasked = {
        Purpose.MARKETING_EMAIL: False,
        Purpose.OPEN_TRACKING: tracked,
        Purpose.CLICK_TRACKING: tracked,
    }
    return {
        **{purpose: given.get(purpose.value, default) for purpose, default in unasked.items()},
        Purpose.PROFILING: customer.allows_profiling,
    }


def suppress(email: str, reason: str, *, scope: str = Suppression.Scope.ALL) -> bool:
    """Stop mail to an address, kept as a keyed hash; say whether that is new. Raises BadAddress.

    A wider scope replaces a narrower one, never the other way round.
    """
    found, is_new = Suppression.objects.get_or_create(
        address_hash=address_hash(email), defaults={"reason": reason, "scope": scope}
    )
    if found.scope == Suppression.Scope.MARKETING and scope == Suppression.Scope.ALL:
        return bool(Suppression.objects.filter(pk=found.pk).update(scope=scope, reason=reason))
    return is_new


def is_suppressed(email: str, *, is_marketing: bool = True) -> bool:
    """Say whether the address must not get marketing mail, or no mail at all. Raises BadAddress."""
    found = Suppression.objects.filter(address_hash=address_hash(email))
    return (found if is_marketing else found.filter(scope=Suppression.Scope.ALL)).exists()


def _put(
    customer_ids: Iterable[int],
    purpose: str,
    is_granted: bool,
    *,
    source: str,
    proof: str,
    text: ConsentText | None,
    overrules: bool,
    tells: bool,
) -> int:
    ids = sorted(set(customer_ids))
    if not ids:
        return 0
    values: dict[str, Any] = {
        "ids": ids,
        "purpose": purpose,
        "is_granted": is_granted,
        "at": now(),
        "source": source[:100],
        "proof": proof[:500],
        "text": text.pk if text else None,
        "overrules": overrules,
        "merged": MERGED,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PUT, values)
        answered: dict[int, bool] = dict(cursor.fetchall())
        while moved := survivors(id for id in values["ids"] if id not in answered):
            if is_granted and purpose in MAIL_PURPOSES:
                moved = _without_other_addresses(moved)
            values["ids"] = sorted(set(moved.values()) - set(answered))
            cursor.execute(_PUT, values)
            answered |= dict(cursor.fetchall())
        changed = [id for id, is_new in answered.items() if is_new]
        if purpose == Purpose.PROFILING and changed:
            cursor.execute(_PROFILED, {"ids": changed, "is_granted": is_granted})
            if not is_granted:
                profiling.forget(changed)
        if tells:
            touch(changed, changed=CONSENT | PROFILE | (SCORE if purpose == Purpose.PROFILING else 0))
    return len(changed)


def _without_other_addresses(moved: dict[int, int]) -> dict[int, int]:
    """Survivors by alias, without those whose mail goes elsewhere than to the address that the alias had."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.absorbed_id FROM unnest(%s::bigint[], %s::bigint[]) AS w(alias, survivor)"
            " JOIN customers_merge m ON m.absorbed_id = w.alias AND m.undone_at IS NULL"
            " JOIN customers_customer c ON c.id = w.survivor"
            " WHERE m.absorbed_before->>'email' <> coalesce(c.email, '')",
            [list(moved), list(moved.values())],
        )
        others = {id for (id,) in cursor.fetchall()}
    return {alias: survivor for alias, survivor in moved.items() if alias not in others}
