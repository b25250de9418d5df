"""The log of what people asked for as their right, and until when it must be done."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from common.clock import now
from customers.models import Customer, PrivacyRequest
from customers.profiles import touch


def log_request(
    kind: str,
    *,
    source: str,
    customer: Customer | None = None,
    contact: str = "",
    note: str = "",
    received_at: datetime | None = None,
) -> PrivacyRequest:
    """Store that somebody uses a right. Due in 30 days, in 45 for a do-not-sell request under the CCPA."""
    received = received_at or now()
    return PrivacyRequest.objects.create(
        kind=kind,
        customer=customer,
        contact=contact,
        note=note,
        source=source[:100],
        received_at=received,
        due_at=received + timedelta(days=PrivacyRequest.DAYS[PrivacyRequest.Kind(kind)]),
    )


def close(request_id: int, *, state: str, by: User | None) -> bool:
    """Settle an open request, once; say whether this call did."""
    still_open = PrivacyRequest.objects.filter(pk=request_id, state=PrivacyRequest.State.OPEN)
    return bool(still_open.update(state=state, closed_at=now(), closed_by=by))


def overdue(at: datetime | None = None) -> QuerySet[PrivacyRequest]:
    """Open requests whose time is over, the longest first."""
    late = PrivacyRequest.objects.filter(state=PrivacyRequest.State.OPEN, due_at__lt=at or now())
    return late.order_by("due_at", "pk")


@transaction.atomic
def opt_out_of_sale(customer_ids: Iterable[int], *, source: str) -> int:
    """Nothing of these customers goes to others from now on; logged as done. Returns for how many that is new."""
    asked = Customer.objects.filter(pk__in=sorted(set(customer_ids)), do_not_sell=False, erased_at=None)
    ids = list(asked.select_for_update().order_by("pk").values_list("pk", flat=True))
    if not ids:
        return 0
    at = now()
    Customer.objects.filter(pk__in=ids).update(do_not_sell=True, updated_at=at)
    kind = PrivacyRequest.Kind.DO_NOT_SELL
    due = at + timedelta(days=PrivacyRequest.DAYS[kind])
    done = {"state": PrivacyRequest.State.DONE, "received_at": at, "due_at": due, "closed_at": at}
    PrivacyRequest.objects.bulk_create(
        PrivacyRequest(kind=kind, customer_id=id, source=source[:100], **done) for id in ids
    )
    touch(ids)
    return len(ids)


def allow_sale(customer_id: int) -> None:
    """Take a do-not-sell choice back, as the customer said themselves."""
    Customer.objects.filter(pk=customer_id).update(do_not_sell=False, updated_at=now())
    touch([customer_id])
