"""Who is meant: source ids and e-mail addresses to customers, for many at once.

An id of a source always leads to the same customer. A new id that comes with a known e-mail address attaches
to the customer who has the address, unless that source already has another id for them: then the two are kept
apart, the second without the address, and counted as a conflict.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from django.db import connection, transaction

from customers.profiles import update_profiles
from customers.tombstones import erased

ANONYMOUS = "anonymous"
PEOPLE_LOCK = 7216_0003


class Person(NamedTuple):
    """How a source names somebody: an id in a namespace, a canonical e-mail address, or both.

    Ids in the namespace `anonymous` make customers that are in no count.
    """

    namespace: str = ""
    value: str = ""
    email: str = ""


class Resolution(msgspec.Struct):
    """Customer ids by person, how many customers were made, and whom two ids of one source claim.

    `erased` are those who asked to be forgotten: they are in no `ids`.
    """

    ids: dict[Person, int]
    created: int = 0
    conflicts: int = 0
    erased: set[Person] = msgspec.field(default_factory=set)


def resolve(people: Mapping[Person, Mapping[str, Any]] | Iterable[Person], *, source: str) -> Resolution:
    """Return the customer of each person, made where there is none, and store the profiles given.

    Values of the mapping are profiles: Customer's columns, and `attributes`, a dict that is merged into the
    stored one. Persons need a value or an e-mail address; addresses must be canonical. Those who make
    customers take turns, so two writers never make one person twice. Three queries when all are known.
    Nobody is made who was erased: only the unknown are asked for, because nothing of the erased is known.
    """
    wanted = list(people)
    resolution = Resolution(ids=_known(wanted))
    if any(person not in resolution.ids for person in wanted):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PEOPLE_LOCK])
            resolution.ids = _known(wanted)
            unknown = [person for person in wanted if person not in resolution.ids]
            resolution.erased = erased(unknown)
            _make([person for person in unknown if person not in resolution.erased], resolution, source)
    found = resolution.ids
    _adopt_emails(
        {
            found[person]: person.email
            for person in wanted
            if person.value and person.email and person in found
        },
        resolution,
    )
    if isinstance(people, Mapping):
        update_profiles({found[p]: profile for p, profile in people.items() if profile and p in found})
    return resolution


def _known(people: list[Person]) -> dict[Person, int]:
    """Persons that need no new row: their id is known, or they have only an e-mail address that is."""
    by_value = _by_identity([person for person in people if person.value])
    by_email = _by_email(person.email for person in people if not person.value)
    found: dict[Person, int] = {}
    for person in people:
        id = by_value.get((person.namespace, person.value)) if person.value else by_email.get(person.email)
        if id is not None:
            found[person] = id
    return found


def _by_identity(people: list[Person]) -> dict[tuple[str, str], int]:
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.namespace, i.value, i.customer_id FROM customers_customeridentity i"
            " JOIN (SELECT DISTINCT * FROM unnest(%s::text[], %s::text[]) AS w(namespace, value)) w"
            " ON i.namespace = w.namespace AND i.value = w.value",
            [[person.namespace for person in people], [person.value for person in people]],
        )
        return {(namespace, value): id for namespace, value, id in cursor.fetchall()}


def _by_email(emails: Iterable[str]) -> dict[str, int]:
    wanted = sorted({email for email in emails if email})
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT email, id FROM customers_customer WHERE email = ANY(%s)", [wanted])
        return dict(cursor.fetchall())


def _make(people: list[Person], resolution: Resolution, source: str) -> None:
    """Create what is missing; the caller holds the lock that makes this the only maker."""
    owners = _by_email(person.email for person in people)
    taken = _namespaces_of(owners.values())
    new: list[tuple[int, str | None, bool]] = []
    identities: dict[tuple[str, str], int] = {}
    ids = iter(_next_ids(len(people)))
    for person in people:
        id = identities.get((person.namespace, person.value)) if person.value else None
        owner = owners.get(person.email) if person.email else None
        if id is None and owner is not None and (owner, person.namespace) in taken and person.value:
            id = next(ids)
            new.append((id, None, person.namespace == ANONYMOUS))
        elif id is None and owner is not None:
            id = owner
        elif id is None:
            id = next(ids)
            new.append((id, person.email or None, not person.email and person.namespace == ANONYMOUS))
            if person.email:
                owners[person.email] = id
        if person.value:
            identities[person.namespace, person.value] = id
            taken.add((id, person.namespace))
        resolution.ids[person] = id
    _insert_customers(new, source)
    _insert_identities(identities)
    resolution.created += len(new)


def _adopt_emails(emails: Mapping[int, str], resolution: Resolution) -> None:
    """Give customers without an address the one that came with their id, unless somebody else has it."""
    lacking = _without_email(emails)
    if not lacking:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PEOPLE_LOCK])
        lacking = _without_email(emails)
        taken = _by_email(emails[id] for id in lacking)
        gone = {person.email for person in erased(Person(email=emails[id]) for id in lacking)}
        free: dict[str, int] = {}
        for id in lacking:
            if emails[id] not in taken and emails[id] not in gone:
                free.setdefault(emails[id], id)
        resolution.conflicts += len(lacking) - len(free)
        cursor.execute(
            "UPDATE customers_customer c SET email = n.email, is_anonymous = false"
            " FROM unnest(%s::bigint[], %s::text[]) AS n(id, email) WHERE c.id = n.id",
            [list(free.values()), list(free)],
        )


def _without_email(customer_ids: Iterable[int]) -> list[int]:
    ids = sorted(customer_ids)
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM customers_customer WHERE id = ANY(%s) AND email IS NULL ORDER BY id", [ids]
        )
        return [id for (id,) in cursor.fetchall()]


def _namespaces_of(customer_ids: Iterable[int]) -> set[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT customer_id, namespace FROM customers_customeridentity WHERE customer_id = ANY(%s)",
            [sorted(customer_ids)],
        )
        return set(cursor.fetchall())


def _next_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('customers_customer', 'id')) FROM generate_series(1, %s)",
            [count],
        )
        return [id for (id,) in cursor.fetchall()]


def _insert_customers(new: list[tuple[int, str | None, bool]], source: str) -> None:
    if not new:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customer (id, public_id, email, is_anonymous, source, first_name, last_name,"
            " gender, country, region, city, locale, device, attributes, allows_profiling)"
            " SELECT n.id, gen_random_uuid(), n.email, n.is_anonymous, %s, '', '', '', '', '', '', '', '', '{}',"
            " true FROM unnest(%s::bigint[], %s::text[], %s::boolean[]) AS n(id, email, is_anonymous)"
            " ORDER BY n.id",
            [source, *map(list, zip(*new, strict=True))],
        )


def _insert_identities(identities: Mapping[tuple[str, str], int]) -> None:
    if not identities:
        return
    rows = sorted((namespace, value, id) for (namespace, value), id in identities.items())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customeridentity (namespace, value, customer_id)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[]) ON CONFLICT DO NOTHING",
            list(map(list, zip(*rows, strict=True))),
        )
