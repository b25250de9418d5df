"""Who is meant: source ids and e-mail addresses to customers, for many at once.

An id of a source always leads to the same customer. A new id that comes with a known e-mail address attaches
to the customer who has the address, unless that source already has another id for them, or its policy says no: then
the two are kept apart, the second without the address, counted as a conflict and listed for review.

An anonymous id that comes together with somebody's name is theirs from then on, and the anonymous profile that
had it is merged into theirs. An anonymous id that already belongs to somebody else with a name stays with them (a
device that two people share): what comes with a name counts for the name, what comes without for the first owner.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection, transaction

from common.prepared_statements import Values, answers, as_array
from customers.address_changes import NewAddress, owners_of_addresses, take_over
from customers.aliases import survivors
from customers.duplicates import suspect
from customers.merging import lock_makers, merge
from customers.models import Customer, CustomerIdentity, DuplicatePair, Merge, SourcePolicy
from customers.new_customers import address_times, insert_customers, insert_identities, next_ids
from customers.profiles import Traits, add_traits, store_traits, touch, update_profiles
from customers.tombstones import erased, gone_among

ANONYMOUS = "anonymous"
_BY_IDENTITY = (
    "SELECT i.namespace, i.value, i.customer_id FROM customers_customeridentity i"
    " JOIN unnest(%s::text[], %s::text[]) AS w(namespace, value) USING (namespace, value)"
)


class Person(NamedTuple):
    """How a source names somebody: an id in a namespace, a canonical e-mail address, or both.

    Ids in the namespace `anonymous` make customers that are in no count. `anonymous` is such an id too: of the
    device on which somebody is named otherwise.
    """

    namespace: str = ""
    value: str = ""
    email: str = ""
    anonymous: str = ""


Identities = Mapping[tuple[str, str], int]
"""Customer ids by namespace and value."""


class Resolution(msgspec.Struct):
    """Customer ids by person; how many customers were made, how many persons are claimed by two ids of one source,
    how many anonymous profiles were merged into known ones, and who was erased: they are in no `ids`."""

    ids: dict[Person, int]
    created: int = 0
    conflicts: int = 0
    merges: int = 0
    erased: set[Person] = msgspec.field(default_factory=set)


def resolve(
    people: Mapping[Person, Mapping[str, Any]] | Iterable[Person],
    *,
    source: str,
    told_at: Mapping[str, float] | None = None,
    identities: Identities | None = None,
) -> Resolution:
    """Return the customer of each person, made where there is none, and store the profiles given, as told now.

    Values of the mapping are profiles: Customer's columns, and `attributes`, a dict that is merged into the
    stored one. Persons need a value or an e-mail address; addresses must be canonical. Those who make
    customers take turns, so two writers never make one person twice. Three queries when all are known, mostly none
    where the caller has just asked by `identities_asked` who is. `told_at` says when addresses were told (seconds
    since 1970; now, where it does not).
    Nobody is made who was erased: only the unknown are asked for, because nothing of the erased is known.
    """
    wanted = list(people)
    named = [person for person in wanted if person.email or person.namespace != ANONYMOUS]
    resolution = _resolve(named, source=source, told_at=told_at or {}, identities=identities)
    found = resolution.ids
    if devices := _devices(named, found, identities or {}):
        resolution.merges = link_devices(devices)
        identities = None
    if len(named) < len(wanted):
        named_or_erased = {*found, *resolution.erased}
        unnamed = [person for person in wanted if person not in named_or_erased]
        visitors = _resolve(unnamed, source=source, told_at=told_at or {}, identities=identities)
        found |= visitors.ids
        resolution.created += visitors.created
        resolution.erased |= visitors.erased
    if isinstance(people, Mapping):
        update_profiles({found[one]: profile for one, profile in people.items() if profile and one in found})
    return resolution


class Told(NamedTuple):
    """What a source says about a person, and when it was so: Customer's columns, and `attributes`."""

    person: Person
    traits: Mapping[str, Any]
    at: datetime


def identify(told: Iterable[Told], *, source: str) -> Resolution:
    """Resolve persons and store what was told of them, in any order: newer words are never overwritten by older.

    A new address of somebody whose id is known becomes theirs, as `customers.address_changes` has it.
    """
    told = list(told)
    told_at = {one.person.email: one.at.timestamp() for one in sorted(told, key=lambda one: one.at)}
    resolution = resolve(list(dict.fromkeys(one.person for one in told)), source=source, told_at=told_at)
    resolution.conflicts += take_over(_new_addresses(told, resolution), source=source)
    traits: dict[int, Traits] = {}
    for one in told:
        if one.person in resolution.erased:
            continue
        add_traits(traits.setdefault(resolution.ids[one.person], {}), one.traits, at=one.at)
    store_traits(traits)
    _, gone = gone_among(resolution.ids.values())
    resolution.erased |= {person for person, id in resolution.ids.items() if id in gone}
    return resolution


def _new_addresses(told: list[Told], resolution: Resolution) -> dict[int, NewAddress]:
    """The newest address told of each customer who is named by an id that their source has for them."""
    newest: dict[int, NewAddress] = {}
    for one in sorted(told, key=lambda one: one.at):
        person = one.person
        if person.email and person.value and person.namespace != ANONYMOUS and person in resolution.ids:
            newest[resolution.ids[person]] = NewAddress(person.email, one.at.timestamp())
    return newest


def alias(previous: Person, user: Person, *, source: str) -> Resolution:
    """Store that a source knows one person by two ids; both must have a value.

    An id that nobody has is attached to the customer of the other; an anonymous profile is merged into the other.
    Two customers who are known both stay apart: they are counted as a conflict and listed for review. Where one of the
    two was erased, nothing is done.
    """
    with transaction.atomic():
        lock_makers()
        if gone := erased([previous, user]):
            return Resolution(ids={}, erased=gone)
        known = _known([previous, user])
        found = {one.pk: one for one in Customer.objects.filter(pk__in=known.values())}
        if previous in known and user not in known and not found[known[previous]].is_anonymous:
            insert_identities({(user.namespace, user.value): (known[previous], CustomerIdentity.Way.ALIAS)})
            return Resolution(ids={previous: known[previous], user: known[previous]})
        resolution = _resolve([user], source=source, told_at={})
        at = resolution.ids[user]
        old = known.get(previous)
        if old is None:
            insert_identities({(previous.namespace, previous.value): (at, CustomerIdentity.Way.ALIAS)})
        elif old != at:
            _alias_profiles(
                resolution, found[old], Customer.objects.get(pk=at), f"{user.namespace}:{user.value}"
            )
        resolution.ids = _known([previous, user])
    return resolution


def _alias_profiles(resolution: Resolution, old: Customer, new: Customer, evidence: str) -> None:
    survivor, absorbed = (new, old) if old.is_anonymous else (old, new)
    if absorbed.is_anonymous and not _were_parted(survivor.pk, absorbed.pk):
        merge(survivor.pk, absorbed.pk, cause=Merge.Cause.ALIAS, evidence=evidence)
        resolution.merges += 1
    else:
        suspect([(old.pk, new.pk, evidence)], reason=DuplicatePair.Reason.ALIAS)
        resolution.conflicts += 1


def link_devices(devices: Mapping[str, int]) -> int:
    """Give anonymous ids to the known customers who were seen with them; return how many profiles were merged.

    An anonymous profile that had the id becomes part of its customer's; an id that belongs to somebody else who
    is known stays where it is. One query where nothing is new.
    """
    if not _unlinked(devices):
        return 0
    merges = 0
    with transaction.atomic():
        lock_makers()
        unlinked = _lasting(devices, _unlinked(devices))
        known = {id: id for id in devices.values()} | survivors(devices.values())
        insert_identities(
            {
                (ANONYMOUS, value): (known[devices[value]], CustomerIdentity.Way.DEVICE)
                for value, owner in unlinked.items()
                if owner is None
            }
        )
        visitors: dict[int, str] = {}
        for value, owner in unlinked.items():
            if owner is not None:
                visitors.setdefault(owner, value)
        for visitor, value in sorted(visitors.items()):
            person = known[devices[value]]
            if not _were_parted(person, visitor):
                merge(person, visitor, cause=Merge.Cause.DEVICE, evidence=f"{ANONYMOUS}:{value}")
                merges += 1
    return merges


def _lasting(devices: Mapping[str, int], unlinked: dict[str, int | None]) -> dict[str, int | None]:
    """Those of the ids that were not erased, and are not to lead to somebody who was; the makers' lock is held."""
    gone_ids = {one.value for one in erased(Person(ANONYMOUS, value) for value in unlinked)}
    _, gone = gone_among(devices[value] for value in unlinked)
    return {
        value: owner
        for value, owner in unlinked.items()
        if value not in gone_ids and devices[value] not in gone
    }


def _were_parted(survivor_id: int, absorbed_id: int) -> bool:
    """Whether somebody took back that these two are one person; then they stay apart."""
    undone = Merge.objects.filter(survivor=survivor_id, absorbed=absorbed_id).exclude(undone_at=None)
    return undone.exists()


def _unlinked(devices: Mapping[str, int]) -> dict[str, int | None]:
    """Ids that nobody has (None), or an anonymous profile other than the one that they should lead to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.value, i.customer_id FROM unnest(%s::text[], %s::bigint[]) AS d(value, customer_id)"
            " LEFT JOIN customers_customeridentity i ON i.namespace = %s AND i.value = d.value"
            " LEFT JOIN customers_customer c ON c.id = i.customer_id"
            " WHERE i.customer_id IS NULL OR (c.is_anonymous AND c.id <> d.customer_id)",
            [list(devices), list(devices.values()), ANONYMOUS],
        )
        return dict(cursor.fetchall())


def _devices(named: list[Person], found: Mapping[Person, int], identities: Identities) -> dict[str, int]:
    """Which device was seen with which customer, without those that are known as theirs."""
    devices = {one.anonymous: found[one] for one in reversed(named) if one.anonymous and one in found}
    return {value: id for value, id in devices.items() if identities.get((ANONYMOUS, value)) != id}


def _resolve(
    wanted: list[Person],
    *,
    source: str,
    told_at: Mapping[str, float],
    identities: Identities | None = None,
) -> Resolution:
    """Find or make customers, without profiles and devices; `told_at` says when addresses were told.

    An address goes to those who are known before it goes to the new, as if these had come in a batch of their own.
    """
    resolution = Resolution(ids=_known(wanted, identities))
    asked: set[Person] = set()
    if any(person not in resolution.ids for person in wanted):
        with transaction.atomic():
            lock_makers()
            resolution.ids = _known(wanted)
            unknown = [person for person in wanted if person not in resolution.ids]
            resolution.erased = erased(unknown)
            asked = set(resolution.ids)
            _adopt_emails(_addresses(asked, resolution), resolution, told_at)
            new = [person for person in unknown if person not in resolution.erased]
            _make(new, resolution, source, told_at)
    _adopt_emails(_addresses([one for one in wanted if one not in asked], resolution), resolution, told_at)
    return resolution


def _addresses(people: Iterable[Person], resolution: Resolution) -> dict[int, str]:
    """The addresses that came with ids, by customer."""
    found = resolution.ids
    return {found[one]: one.email for one in people if one.value and one.email and one in found}


def _known(people: list[Person], identities: Identities | None = None) -> dict[Person, int]:
    """Persons that need no new row: their id is known, or they have only an e-mail address that is."""
    by_value = _by_identity(people) if identities is None else identities
    by_email = owners_of_addresses(person.email for person in people if not person.value)
    found: dict[Person, int] = {}
    for person in people:
        id = by_value.get((person.namespace, person.value)) if person.value else by_email.get(person.email)
        if id is not None:
            found[person] = id
    return found


def identities_asked(people: Iterable[Person], *, with_devices: bool = True) -> tuple[str, Values]:
    """Return the statement that finds whom the ids of these people lead to, and those of their devices.

    It may be sent with others; `identities_in` reads its rows.
    """
    asked = {(person.namespace, person.value) for person in people if person.value}
    if with_devices:
        asked |= {(ANONYMOUS, person.anonymous) for person in people if person.anonymous}
    return _BY_IDENTITY, [
        as_array(namespace for namespace, _ in asked),
        as_array(value for _, value in asked),
    ]


def identities_in(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[str, str], int]:
    """Return whom `identities_asked` has found."""
    return {(namespace, value): id for namespace, value, id in rows}


def _by_identity(people: list[Person]) -> dict[tuple[str, str], int]:
    if not any(person.value for person in people):
        return {}
    return identities_in(answers(*identities_asked(people, with_devices=False)))


def _make(people: list[Person], resolution: Resolution, source: str, told_at: Mapping[str, float]) -> None:
    """Create what is missing; the caller holds the lock that makes this the only maker."""
    owners = owners_of_addresses(person.email for person in people)
    taken = _namespaces_of(owners.values())
    attaches = not SourcePolicy.objects.filter(source=source, attaches_by_email=False).exists()
    new: list[tuple[int, str | None, bool]] = []
    nameless: dict[int, int] = {}
    identities: dict[tuple[str, str], tuple[int, str]] = {}
    ids = iter(next_ids(len(people)))
    for person in people:
        known = identities.get((person.namespace, person.value)) if person.value else None
        owner = owners.get(person.email) if person.email else None
        way = CustomerIdentity.Way.OWN.value
        if known is not None:
            id, way = known
            if person.email and owner is None and id in nameless:
                new[nameless.pop(id)] = (id, person.email, False)
                owners[person.email] = id
        elif owner is not None and person.value and (not attaches or (owner, person.namespace) in taken):
            id = next(ids)
            new.append((id, None, person.namespace == ANONYMOUS))
        elif owner is not None:
            id, way = owner, CustomerIdentity.Way.EMAIL.value
        else:
            id = next(ids)
            if person.email:
                owners[person.email] = id
            else:
                nameless[id] = len(new)
            new.append((id, person.email or None, not person.email and person.namespace == ANONYMOUS))
        if person.value:
            identities[person.namespace, person.value] = id, way
            taken.add((id, person.namespace))
        resolution.ids[person] = id
    insert_customers(new, source, told_at)
    insert_identities(identities)
    resolution.created += len(new)


def _adopt_emails(emails: Mapping[int, str], resolution: Resolution, told_at: Mapping[str, float]) -> None:
    """Give customers without an address the one that came with their id.

    Where somebody else has it, the two are listed as suspected duplicates.
    """
    lacking = _without_email(emails)
    taken = owners_of_addresses(emails[id] for id in lacking)
    if any(emails[id] not in taken for id in lacking):
        with transaction.atomic(), connection.cursor() as cursor:
            lock_makers()
            lacking = _without_email(emails)
            taken = owners_of_addresses(emails[id] for id in lacking)
            gone = {person.email for person in erased(Person(email=emails[id]) for id in lacking)}
            lacking = [id for id in lacking if emails[id] not in gone]
            free: dict[str, int] = {}
            for id in lacking:
                if emails[id] not in taken:
                    free.setdefault(emails[id], id)
            cursor.execute(
                "UPDATE customers_customer c SET email = n.email, is_anonymous = false,"
                " traits_at = c.traits_at || n.times"
                " FROM unnest(%s::bigint[], %s::text[], %s::jsonb[]) AS n(id, email, times)"
                " WHERE c.id = n.id AND c.email IS NULL AND c.merged_into_id IS NULL AND c.erased_at IS NULL",
                [list(free.values()), list(free), address_times(free, told_at)],
            )
            touch(free.values())
            taken |= free
    claimed = [(taken[emails[id]], id, emails[id]) for id in lacking if taken[emails[id]] != id]
    resolution.conflicts += len(claimed)
    suspect(claimed, reason=DuplicatePair.Reason.ADDRESS)


def _without_email(customer_ids: Iterable[int]) -> list[int]:
    ids = sorted(customer_ids)
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM customers_customer WHERE id = ANY(%s) AND email IS NULL"
            " AND merged_into_id IS NULL AND erased_at IS NULL ORDER BY id",
            [ids],
        )
        return [id for (id,) in cursor.fetchall()]


def _namespaces_of(customer_ids: Iterable[int]) -> set[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT customer_id, namespace FROM customers_customeridentity WHERE customer_id = ANY(%s)",
            [sorted(customer_ids)],
        )
        return set(cursor.fetchall())
