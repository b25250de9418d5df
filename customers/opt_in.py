"""Double opt-in: an address typed into a form counts once the mail to it is answered."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction

from common import tokens
from common.clock import now
from customers import consent
from customers.address_changes import change_address
from customers.addresses import canonical
from customers.erasure import readmit
from customers.identity import Person, resolve
from customers.merging import lock_makers
from customers.models import ConsentText, Customer, OptIn, Suppression

TOKEN_PURPOSE = "opt-in"  # noqa: S105 - what a token is for
VALID_FOR = timedelta(days=7)
AGAIN_AFTER = timedelta(minutes=10)
MOST_A_MINUTE = 60


class TooMany(Exception):
    """More addresses were typed in within a minute than people type: nothing was stored, no mail goes out."""


def ask(email: str, *, texts: Mapping[str, int], source: str) -> OptIn | None:
    """Store that an address waits for its confirmation of `texts` (ids of the wordings shown, by purpose).

    None where no mail must go out: within ten minutes of the last one, so that nobody's mailbox is filled by others,
    and where the address must get no mail at all. Whoever answers the form says the same in each case.
    Raises BadAddress and TooMany.
    """
    address, at = canonical(email), now()
    if consent.is_suppressed(address, is_marketing=False):
        return None
    asked = OptIn.objects.filter(confirmed_at=None)
    if asked.filter(email=address, asked_at__gt=at - AGAIN_AFTER).exists():
        return None
    if asked.filter(asked_at__gt=at - timedelta(minutes=1)).count() >= MOST_A_MINUTE:
        raise TooMany
    return OptIn.objects.create(
        email=address, texts=dict(texts), source=source[:100], asked_at=at, expires_at=at + VALID_FOR
    )


def token_of(opt_in: OptIn) -> str:
    """The signed token that stands in the mail."""
    return tokens.sign(TOKEN_PURPOSE, opt_in.pk, expires_at=opt_in.expires_at)


def find(token: str) -> OptIn | None:
    """The request that a token names, or None for a token that is not ours or too old."""
    try:
        return OptIn.objects.filter(pk=tokens.read(TOKEN_PURPOSE, token, now=now())).first()
    except tokens.BadToken:
        return None


@transaction.atomic
def confirm(opt_in: OptIn) -> bool:
    """Grant what was asked for, once; say whether this call did. Raises OptIn.DoesNotExist after an erasure.

    The address proves that its owner wants mail: a suppression of marketing alone and an erasure are lifted, and a
    further address of a customer becomes the one that mail goes to. Merges and erasures are waited for first: they
    take that lock before the rows that are locked here.
    """
    lock_makers()
    waiting = OptIn.objects.select_for_update().get(pk=opt_in.pk)
    if waiting.confirmed_at is not None:
        return False
    at = now()
    Suppression.objects.filter(
        address_hash=consent.address_hash(waiting.email), scope=Suppression.Scope.MARKETING
    ).delete()
    readmit(waiting.email)
    person = Person(email=waiting.email)
    customer_id = resolve([person], source=waiting.source[:50]).ids[person]
    change_address(customer_id, waiting.email)
    proof = f"double opt-in {waiting.pk}: asked {waiting.asked_at:%Y-%m-%d %H:%M}, confirmed {at:%Y-%m-%d %H:%M} UTC"
    texts = ConsentText.objects.in_bulk(waiting.texts.values())
    for purpose, text_id in sorted(waiting.texts.items()):
        consent.grant([customer_id], purpose, source=waiting.source, proof=proof, text=texts[text_id])
    Customer.objects.filter(pk=customer_id, signed_up_at=None).update(signed_up_at=at)
    OptIn.objects.filter(pk=waiting.pk).update(email="", confirmed_at=at)
    return True
