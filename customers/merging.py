"""Two profiles become one: everything follows, every row is logged, old ids keep leading to the person.

The absorbed profile stays as an alias (`Customer.merged_into`). Each model with a foreign key to Customer says in
`on_merge` what its rows do: `move` to the survivor, where no unique constraint keeps them (of two rows that may be
there only once, the survivor's stands and the other stays with the alias), or `leave`, for what is recomputed.
Columns: the survivor's value stands, empty ones are filled. Consent: a withdrawal stands, and a grant that was given
for another address than the survivor's stays with the alias; what holds afterwards is a line of the consent log.
Locks are taken in one order: the makers of identities, customers by id, facts by id, rows of this app, news, rows of
other apps (who claims news goes on to those).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, models, transaction

from common.clock import now
from customers import profiling
from customers.consent import MAIL_PURPOSES, MERGED, log_what_holds
from customers.facts import lock_facts, rebuild_facts
from customers.models import (
    Consent,
    ConsentRecord,
    Customer,
    CustomerIdentity,
    Event,
    Merge,
    MergedRow,
)
from customers.profiles import COLUMNS, DATES, touch

MAKERS_LOCK = 7216_0003
_FILLED = (*COLUMNS, *DATES)
_EMPTY = (None, "")
_ANSWERS = ("customers.consent", "customers.consentrecord")


class MergeRefused(ValueError):
    """The two cannot become one; the message says why."""


class MovingColumn(NamedTuple):
    """A foreign key to Customer whose rows move; `once` are the sets of columns that are unique together with it."""

    label: str
    table: str
    column: str
    key: str
    key_type: str
    once: tuple[tuple[str, ...], ...]


def lock_makers() -> None:
    """Take turns with everybody who makes or merges customers, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MAKERS_LOCK])


def merge(
    survivor_id: int, absorbed_id: int, *, cause: str, evidence: str = "", by: int | None = None
) -> Merge:
    """Merge one profile into another, all or nothing; raises MergeRefused.

    Both must be there and not merged into anybody. `by` is the user who asked.
    """
    with transaction.atomic():
        lock_makers()
        locked = lock_customers([survivor_id, absorbed_id])
        pair = {one.pk: one for one in locked if one.merged_into_id is None}
        if len(pair) != 2:
            raise MergeRefused("It takes two profiles that exist and have not been merged already.")
        row = Merge.objects.create(
            survivor_id=survivor_id,
            absorbed_id=absorbed_id,
            cause=cause,
            evidence=evidence[:300],
            merged_by_id=by,
            absorbed_before={
                "email": pair[absorbed_id].email,
                "is_anonymous": pair[absorbed_id].is_anonymous,
            },
        )
        lock_facts([survivor_id, absorbed_id])
        if not all(one.allows_profiling for one in locked):
            profiling.forget([survivor_id, absorbed_id])
        own, others = moving_columns()
        kept = _kept_answers(pair[survivor_id], pair[absorbed_id])
        for column in own:
            _move(column, row, kept=kept)
        _carry_consents(row, kept)
        touch([survivor_id, absorbed_id])
        for column in others:
            _move(column, row, kept=())
        _fill(row, pair[survivor_id], pair[absorbed_id])
        rebuild_facts([survivor_id, absorbed_id])
    return row


@cache
def moving_columns() -> tuple[list[MovingColumn], list[MovingColumn]]:
    """Return every column whose rows a merge moves, sorted by name: those of this app, and those of others."""
    found = sorted(
        _column(model, field)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if field.related_model is Customer and getattr(model, "on_merge", None) == "move"
    )
    own = [column for column in found if column.label.startswith("customers.")]
    return own, [column for column in found if column not in own]


def _column(model: type[models.Model], field: "models.Field[Any, Any]") -> MovingColumn:
    options = model._meta
    fields = {one.name: one for one in options.local_concrete_fields}
    key = fields["message_id" if model is Event else options.pk.name]
    once = [set(constraint.fields) for constraint in options.total_unique_constraints]
    if field.unique:
        once.append({field.name})
    return MovingColumn(
        label=options.label_lower,
        table=options.db_table,
        column=str(field.column),
        key=str(key.column),
        key_type=str(key.rel_db_type(connection)),
        once=tuple(
            tuple(sorted(str(fields[name].column) for name in names - {field.name}))
            for names in once
            if field.name in names
        ),
    )


def _move(to: MovingColumn, row: Merge, *, kept: Sequence[str]) -> None:
    """Move rows of the absorbed profile and log each; answers to the purposes `kept` stay."""
    stays = " AND t.purpose <> ALL(%(kept)s)" if to.label in _ANSWERS else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH moved AS (UPDATE {to.table} t SET {to.column} = %(to)s WHERE t.{to.column} = %(of)s"  # noqa: S608 - names of models
            f" {unless_there(to)}{stays} RETURNING t.{to.key}::text AS key)"
            " INSERT INTO customers_mergedrow (merge_id, model, key) SELECT %(merge)s, %(model)s, key FROM moved",
            {
                "to": row.survivor_id,
                "of": row.absorbed_id,
                "merge": row.pk,
                "model": to.label,
                "kept": list(kept),
            },
        )


def unless_there(column: MovingColumn) -> str:
    """Return the SQL that leaves rows alone of which the new owner (`%(to)s`) may have one only, and has it."""
    return "".join(
        f" AND NOT EXISTS (SELECT FROM {column.table} o WHERE o.{column.column} = %(to)s"
        f"{''.join(f' AND o.{other} = t.{other}' for other in others)})"
        for others in column.once
    )


def _kept_answers(survivor: Customer, absorbed: Customer) -> list[str]:
    """The purposes that the absorbed profile granted for mail to another address than the survivor's."""
    if not survivor.email or not absorbed.email:
        return []
    granted = Consent.objects.filter(customer=absorbed, is_granted=True, purpose__in=MAIL_PURPOSES)
    return list(granted.values_list("purpose", flat=True))


def _carry_consents(row: Merge, kept: Sequence[str]) -> None:
    """Let a withdrawal of the absorbed profile overrule what the survivor granted, and log what holds now."""
    withdrawn = Consent.objects.filter(customer=row.absorbed_id, is_granted=False)
    overruling = {one.purpose: one for one in withdrawn}
    for one in Consent.objects.filter(customer=row.survivor_id, is_granted=True, purpose__in=overruling):
        stricter = overruling[one.purpose]
        said = f"merge {row.pk}: {stricter.source}, {stricter.changed_at:%Y-%m-%d %H:%M} UTC"
        became = {"is_granted": False, "changed_at": now(), "source": MERGED, "proof": said, "text": None}
        _change(row, one, became)
    moved = row.rows.filter(model="customers.consentrecord").values_list("key", flat=True)
    told = ConsentRecord.objects.filter(pk__in=[int(key) for key in moved])
    purposes = {*told.values_list("purpose", flat=True), *overruling} - set(kept)
    log_what_holds([row.survivor_id], purposes, source=MERGED, proof=f"merge {row.pk}")


def _fill(row: Merge, survivor: Customer, absorbed: Customer) -> None:
    """Fill the survivor's empty columns, and make the absorbed profile an alias."""
    became: dict[str, Any] = {
        name: getattr(absorbed, name)
        for name in _FILLED
        if getattr(survivor, name) in _EMPTY and getattr(absorbed, name) not in _EMPTY
    }
    if absorbed.email and not survivor.email:
        became["email"] = absorbed.email
    new = {key: value for key, value in absorbed.attributes.items() if key not in survivor.attributes}
    times = {f"attributes.{key}" for key in new} | set(became)
    if new:
        became["attributes"] = survivor.attributes | new
    if told := {name: at for name, at in absorbed.traits_at.items() if name in times}:
        became["traits_at"] = survivor.traits_at | told
    if survivor.allows_profiling and not absorbed.allows_profiling:
        became["allows_profiling"] = False
    if absorbed.do_not_sell and not survivor.do_not_sell:
        became["do_not_sell"] = True
    if survivor.is_anonymous and not absorbed.is_anonymous:
        became["is_anonymous"] = False
    Customer.objects.filter(pk=absorbed.pk).update(email=None, is_anonymous=True, merged_into=survivor)
    if absorbed.email and survivor.email:
        other = CustomerIdentity.objects.create(
            namespace=CustomerIdentity.EMAIL, value=absorbed.email, customer=survivor
        )
        _log(row, other, {"made": True})
    if became:
        _change(row, survivor, became)


def _change(row: Merge, one: models.Model, became: Mapping[str, Any]) -> None:
    was = {name: as_logged(one, name) for name in became}
    for name, value in became.items():
        setattr(one, name, value)
    one.save(update_fields=list(became))
    _log(row, one, {"was": was, "became": {name: as_logged(one, name) for name in became}})


def as_logged(one: models.Model, name: str) -> Any:
    """Return a column's value as JSON can keep it; `to_python` of the field reads it again."""
    fields = {field.name: field for field in one._meta.local_concrete_fields}
    if (value := getattr(one, fields[name].attname)) is not None:
        value = fields[name].get_prep_value(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


def log_rows(row: Merge, model: str, keys: Iterable[str]) -> None:
    """Log rows that were moved."""
    MergedRow.objects.bulk_create([MergedRow(merge=row, model=model, key=key) for key in keys])


def _log(row: Merge, one: models.Model, change: dict[str, Any]) -> None:
    MergedRow.objects.create(merge=row, model=one._meta.label_lower, key=str(one.pk), change=change)


def lock_customers(customer_ids: Sequence[int]) -> list[Customer]:
    """Lock these customers, in the order of ids."""
    found = Customer.objects.select_for_update(no_key=True).filter(pk__in=customer_ids)
    return list(found.order_by("pk"))
