"""What comes back from a mail: opens, clicks, unsubscribes."""

from django.db import transaction
from django.http import HttpRequest

from common.clock import now
from customers import consent, privacy_requests
from customers.aliases import current
from customers.models import Purpose
from delivery.models import Dispatch, Message, MessageEvent

PURPOSE_OPEN = "open"
PURPOSE_CLICK = "click"
PURPOSE_UNSUBSCRIBE = "unsubscribe"
PURPOSE_PREFERENCES = "preferences"
_ASKED_FOR = {
    MessageEvent.Kind.OPENED: Purpose.OPEN_TRACKING,
    MessageEvent.Kind.CLICKED: Purpose.CLICK_TRACKING,
}


def may_note(customer_id: int, kind: MessageEvent.Kind) -> bool:
    """Whether what a mail told back may be kept: openings and clicks only of those who allow it."""
    purpose = _ASKED_FOR.get(kind)
    return purpose is None or bool(consent.may_track([current(customer_id)], purpose))


def heed_privacy_signal(customer_id: int, request: HttpRequest) -> None:
    """Take a browser's Global Privacy Control as what it is in law: do not sell or share."""
    if request.headers.get("Sec-GPC") == "1":
        privacy_requests.opt_out_of_sale([current(customer_id)], source="Global Privacy Control")


@transaction.atomic
def unsubscribe(message: Message, *, source: str) -> None:
    """Withdraw the recipient's consent to marketing e-mail, once and at once; a repetition changes nothing.

    A test mail went to a colleague: the customer it was written as has said nothing.
    """
    if message.dispatch.kind == Dispatch.Kind.TEST:
        return
    consent.withdraw([current(message.customer_id)], source=source, proof=f"message {message.pk}")
    MessageEvent.objects.bulk_create(
        [
            MessageEvent(
                message=message,
                kind=MessageEvent.Kind.UNSUBSCRIBED,
                occurred_at=now(),
                dedupe_key=f"unsubscribed:{message.pk}",
            )
        ],
        ignore_conflicts=True,
    )
