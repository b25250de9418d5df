"""A merge taken back: every row that it moved returns, every value that it changed is what it was.

Only what is still as the merge left it goes back; what came or changed since stays with the survivor. Later merges
that built on this one are taken back first and made again afterwards, so that the result is what they would have
been without it. A withdrawal of consent since the merge counts for both: nobody can say which of them it was.
"""

from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Q, Value

from common.clock import now
from customers.consent import MERGED, log_what_holds
from customers.facts import lock_facts, rebuild_facts
from customers.merging import (
    MergeRefused,
    MovingColumn,
    as_logged,
    lock_customers,
    lock_makers,
    log_rows,
    merge,
    moving_columns,
    unless_there,
)
from customers.models import (
    Consent,
    ConsentRecord,
    Customer,
    CustomerIdentity,
    DataSource,
    DuplicatePair,
    Event,
    EventHook,
    EventType,
    Merge,
    MergedRow,
    Order,
    Refund,
)
from customers.profiles import touch

UNDONE = "merge taken back"


def undo(merge_id: int, *, by: int | None = None) -> Merge:
    """Take a merge back, all or nothing; raises MergeRefused. `by` is the user who asked."""
    with transaction.atomic():
        lock_makers()
        row = Merge.objects.filter(pk=merge_id, undone_at=None).first()
        if row is None:
            raise MergeRefused("This merge has been taken back already.")
        later = _built_on(row)
        for one in [*reversed(later), row]:
            _take_back(one, by=by)
        for one in later:
            merge(
                one.survivor_id,
                one.absorbed_id,
                cause=one.cause,
                evidence=one.evidence,
                by=one.merged_by_id,
            )
        DuplicatePair.objects.filter(_both(row)).update(
            state=DuplicatePair.State.DIFFERENT, decided_at=now(), decided_by=by
        )
    return row


def detach(identity_id: int, *, by: int | None = None) -> Customer:
    """Give an id that was attached to a customer by their address a profile of its own, and return that.

    Orders, refunds and events of the source with that name go with it. It is logged like a merge taken back.
    Raises MergeRefused.
    """
    with transaction.atomic():
        lock_makers()
        identity = CustomerIdentity.objects.filter(pk=identity_id).first()
        if identity is None or identity.attached_by != CustomerIdentity.Way.EMAIL:
            raise MergeRefused("Only an id that was attached by an address can be taken off.")
        new = Customer.objects.create(source=identity.namespace)
        pair = [identity.customer_id, new.pk]
        lock_customers(pair)
        lock_facts(pair)
        row = Merge.objects.create(
            survivor_id=identity.customer_id,
            absorbed=new,
            cause=Merge.Cause.ADDRESS,
            evidence=str(identity)[:300],
            absorbed_before={"email": None, "is_anonymous": False},
            undone_at=now(),
            undone_by_id=by,
        )
        _split_off(identity, row)
        touch(pair)
        DuplicatePair.objects.create(
            first_id=row.survivor_id,
            second=new,
            reason=DuplicatePair.Reason.ADDRESS,
            evidence=row.evidence,
            state=DuplicatePair.State.DIFFERENT,
            decided_at=now(),
            decided_by_id=by,
        )
        rebuild_facts(pair)
    return new


def _split_off(identity: CustomerIdentity, row: Merge) -> None:
    """Move the id and what its source told to the new profile, and log each row.

    An order or refund goes with whoever is believed about it, and an order's events go with the order.
    """
    log_rows(row, "customers.customeridentity", [str(identity.pk)])
    CustomerIdentity.objects.filter(pk=identity.pk).update(
        customer=row.absorbed_id, attached_by=CustomerIdentity.Way.OWN
    )
    sources = sorted(_sources_naming(identity.namespace))
    orders = Order.objects.filter(customer=row.survivor_id, told_by__in=sources)
    moved = list(orders.values_list("pk", flat=True))
    others = list(
        Order.objects.filter(customer=row.survivor_id).exclude(pk__in=moved).values_list("pk", flat=True)
    )
    of_orders = Q(type__in=(EventType.ORDER_PLACED, EventType.ORDER_LINE))
    events = Event.objects.filter(
        of_orders & Q(order_id__in=moved) | Q(source__in=sources) & ~(of_orders & Q(order_id__in=others)),
        customer=row.survivor_id,
    )
    refunds = Refund.objects.filter(customer=row.survivor_id, told_by__in=sources)
    for told, key in ((events, "message_id"), (orders, "pk"), (refunds, "pk")):
        log_rows(row, told.model._meta.label_lower, [str(one) for one in told.values_list(key, flat=True)])
        told.update(customer=row.absorbed_id)


def _sources_naming(namespace: str) -> set[str]:
    """The sources whose ids of customers are in this namespace: its own, and those whose mapping says so."""
    mappings = [
        *DataSource.objects.filter(mapping__customer__namespace=namespace).values_list("mapping", flat=True),
        *EventHook.objects.filter(mapping__customer__namespace=namespace).values_list("mapping", flat=True),
    ]
    return {namespace, *(mapping["source"] for mapping in mappings if "source" in mapping)}


def _both(row: Merge) -> Q:
    first, second = sorted((row.survivor_id, row.absorbed_id))
    return Q(first=first, second=second)


def _built_on(row: Merge) -> list[Merge]:
    """Later merges that may have seen what this one did, in the order in which they were made."""
    active = Merge.objects.filter(undone_at=None, pk__gt=row.pk).order_by("pk")
    reached = {row.survivor_id}
    while True:
        found = list(active.filter(Q(survivor__in=reached) | Q(absorbed__in=reached)))
        grown = reached | {one.survivor_id for one in found}
        if grown == reached:
            return found
        reached = grown


def _take_back(row: Merge, *, by: int | None) -> None:
    pair = [row.survivor_id, row.absorbed_id]
    lock_customers(pair)
    lock_facts(pair)
    Customer.objects.filter(pk=row.absorbed_id).update(
        merged_into=None, is_anonymous=row.absorbed_before["is_anonymous"]
    )
    withdrawn = set(
        Consent.objects.filter(customer=row.survivor_id, is_granted=False, changed_at__gt=row.merged_at)
        .exclude(source=MERGED)
        .values_list("purpose", flat=True)
    )
    for logged in row.rows.exclude(change=None).order_by("-pk"):
        _restore(logged)
    own, others = moving_columns()
    for column in own:
        _move_back(column, row)
    _spread_withdrawals(row, withdrawn)
    _log_consents(row, withdrawn)
    touch(pair)
    for column in others:
        _move_back(column, row)
    _have_events_follow_orders(pair)
    _give_back_address(row)
    row.undone_at, row.undone_by_id = now(), by
    row.save(update_fields=["undone_at", "undone_by"])
    rebuild_facts(pair)


def _restore(logged: MergedRow) -> None:
    """Set back the columns that still hold what the merge wrote; delete what it made. An answer goes back whole."""
    model, change = apps.get_model(logged.model), logged.change or {}
    fields = {field.name: field for field in model._meta.local_concrete_fields}
    one = model._default_manager.filter(pk=logged.key).first()
    if one is None:
        return
    if "made" in change:
        one.delete()
        return
    if model is Consent and any(as_logged(one, name) != value for name, value in change["became"].items()):
        return
    restored: dict[str, Any] = {}
    for name, became in change["became"].items():
        was, current = change["was"][name], as_logged(one, name)
        if isinstance(became, dict):
            current = _without(current, was=was, became=became)
        elif current == became:
            current = was
        else:
            continue
        restored[name] = Value(None) if current is None else fields[name].to_python(current)
    if restored:
        model._default_manager.filter(pk=one.pk).update(**restored)


def _without(current: dict[str, Any], *, was: dict[str, Any], became: dict[str, Any]) -> dict[str, Any]:
    """The mapping less the keys that the merge added and nobody has changed since."""
    return {
        key: value
        for key, value in current.items()
        if key in was or key not in became or became[key] != value
    }


def _move_back(of: MovingColumn, row: Merge) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {of.table} t SET {of.column} = %(to)s FROM customers_mergedrow r"  # noqa: S608 - names of models
            " WHERE r.merge_id = %(merge)s AND r.model = %(model)s AND r.change IS NULL"
            f" AND t.{of.key} = r.key::{of.key_type} AND t.{of.column} = %(of)s {unless_there(of)}",
            {"to": row.absorbed_id, "of": row.survivor_id, "merge": row.pk, "model": of.label},
        )


def _have_events_follow_orders(pair: list[int]) -> None:
    """What was told of an order since the merge goes where the order goes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_event e SET customer_id = o.customer_id FROM customers_order o"
            " WHERE e.order_id = o.id AND e.type = ANY(%(types)s) AND e.customer_id = ANY(%(pair)s)"
            " AND o.customer_id = ANY(%(pair)s) AND e.customer_id <> o.customer_id",
            {"pair": pair, "types": [int(EventType.ORDER_PLACED), int(EventType.ORDER_LINE)]},
        )


def _give_back_address(row: Merge) -> None:
    """Return the address unless somebody else has got it meanwhile."""
    email = row.absorbed_before["email"]
    taken = Customer.objects.filter(email=email).exists() or (
        CustomerIdentity.objects.filter(namespace=CustomerIdentity.EMAIL, value=email).exists()
    )
    if email and not taken:
        Customer.objects.filter(pk=row.absorbed_id).update(email=email)


def _spread_withdrawals(row: Merge, purposes: set[str]) -> None:
    """Whoever withdrew while the two were one may have been either of them."""
    granted = Consent.objects.filter(customer=row.absorbed_id, is_granted=True, purpose__in=purposes)
    granted.update(is_granted=False, changed_at=now(), source=UNDONE, proof=f"merge {row.pk}")


def _log_consents(row: Merge, withdrawn: set[str]) -> None:
    """Say in the log of both what holds for them again, of each purpose that the merge had a say in."""
    proof = f"merge {row.pk}"
    lines = ConsentRecord.objects.filter(customer=row.survivor_id, source=MERGED, proof=proof)
    purposes = withdrawn | set(lines.values_list("purpose", flat=True))
    log_what_holds([row.survivor_id, row.absorbed_id], purposes, source=UNDONE, proof=proof)
