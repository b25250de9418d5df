"""What is known about some customers, fetched for a condition in a fixed number of queries."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from customers.models import Assignment, Consent, Customer, Event, Score
from products.models import Category, Product
from segments.conditions import Needs, fold
from segments.conditions.nodes import steps
from segments.event_names import stored_types
from segments.expressions import stores_named
from segments.models import SegmentMembership


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event, as far as conditions can ask about it."""

    type: int
    occurred_at: datetime
    product_id: int | None = None
    category_id: int | None = None
    value_minor: int | None = None
    quantity: int | None = None
    currency: str | None = None
    source: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The ids behind category paths (sub-categories too), product ids, event names and stores of a condition."""

    categories: Mapping[str, frozenset[int]] = field(default_factory=dict)
    products: Mapping[str, frozenset[int]] = field(default_factory=dict)
    event_types: Mapping[str, frozenset[int]] = field(default_factory=dict)
    stores: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Profile:
    """One customer's values. `fields` is keyed by the paths of `Needs.fields`; events are in no order."""

    customer_id: int
    fields: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    events: dict[int, list[Occurrence]] = field(default_factory=dict)
    scores: dict[str, tuple[float, float]] = field(default_factory=dict)
    segments: set[str] = field(default_factory=set)
    stage: str = ""
    consents: set[str] = field(default_factory=set)
    assignments: dict[str, str] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)


def load_profiles(ids: Sequence[int], needs: Needs, *, now: datetime) -> dict[int, Profile]:
    """Return the known customers among `ids`, by id, with what `needs` names and the events before `now`.

    At most 10 queries, however many customers; a table that nothing needs is not read.
    """
    catalogue = _catalogue(needs)
    plain = sorted(needs.fields - {"attributes"})
    customers = Customer.objects.known().filter(pk__in=ids)
    if "attributes" in needs.fields:
        customers = customers.annotate(attributes_text=Cast("attributes", TextField()))
        plain.append("attributes_text")
    if needs.stages:
        plain.append("stage")
    profiles = {}
    for row in customers.values("pk", *plain):
        pk, attributes = row.pop("pk"), _loaded(row.pop("attributes_text", None))
        stage = row.pop("stage", "")
        profiles[pk] = Profile(pk, row, attributes, stage=stage, catalogue=catalogue)
    _add_events(profiles, needs, now)
    _add_neighbours(profiles, needs)
    return profiles


def _loaded(written: str | None) -> dict[str, Any]:
    """Return a JSON object; Decimal keeps the digits that PostgreSQL stores and compares."""
    loaded = json.loads(written, parse_float=Decimal) if written else {}
    return loaded if isinstance(loaded, dict) else {}


def _add_events(profiles: dict[int, Profile], needs: Needs, now: datetime) -> None:
    starts = _starts(needs, profiles, now)
    if not starts:
        return
    events = Event.objects.filter(_asked(starts), customer_id__in=list(profiles), occurred_at__lt=now)
    columns = list(Occurrence.__slots__[:-1])
    if any(step.where.properties for leaf in needs.events for step in steps(leaf)):
        events = events.annotate(written=Cast("properties", TextField()))
        columns.append("written")
    for customer_id, *values in events.values_list("customer_id", *columns):
        if columns[-1] == "written":
            values[-1] = _loaded(values[-1])
        occurrence = Occurrence(*values)
        profiles[customer_id].events.setdefault(occurrence.type, []).append(occurrence)


def _asked(starts: Mapping[int, list[datetime | None]]) -> Q:
    """Ask from one moment on for all types that have a beginning: the planner weighs every OR in every partition."""
    unbounded = {kind for kind, moments in starts.items() if None in moments}
    bounded = starts.keys() - unbounded
    asked = Q(type__in=sorted(unbounded)) if unbounded else Q()
    if bounded:
        since = min(moment for kind in bounded for moment in starts[kind] if moment is not None)
        asked |= Q(type__in=sorted(bounded), occurred_at__gte=since)
    return asked


def _starts(needs: Needs, profiles: dict[int, Profile], now: datetime) -> dict[int, list[datetime | None]]:
    """Return from when on events of each type are read, None from the beginning; nothing without profiles."""
    starts: dict[int, list[datetime | None]] = defaultdict(list)
    catalogue = next((profile.catalogue for profile in profiles.values()), Catalogue())
    for leaf in needs.events if profiles else ():
        start, _ = leaf.window(now)
        for step in steps(leaf):
            types = {int(step.type)} if step.name is None else catalogue.event_types.get(step.name, ())
            for type in types:
                starts[type].append(None if leaf.pick == "first" else start)
    return starts


def _add_neighbours(profiles: dict[int, Profile], needs: Needs) -> None:
    here: Mapping[str, Any] = {"customer_id__in": list(profiles)}
    if needs.scores:
        scores = Score.objects.filter(kind__in=needs.scores, **here)
        for pk, kind, value, percentile in scores.values_list("customer_id", "kind", "value", "percentile"):
            profiles[pk].scores[kind] = (value, percentile)
    if needs.segments:
        members = SegmentMembership.objects.filter(segment__key__in=needs.segments, **here)
        for pk, key in members.values_list("customer_id", "segment__key"):
            profiles[pk].segments.add(key)
    if needs.consents:
        granted = Consent.objects.filter(purpose__in=needs.consents, is_granted=True, **here)
        for pk, purpose in granted.values_list("customer_id", "purpose"):
            profiles[pk].consents.add(purpose)
    if needs.experiments:
        drawn = Assignment.objects.filter(experiment_key__in=needs.experiments, **here)
        for pk, experiment, variant in drawn.values_list("customer_id", "experiment_key", "variant_key"):
            profiles[pk].assignments[experiment] = variant


def _catalogue(needs: Needs) -> Catalogue:
    categories: dict[str, frozenset[int]] = {}
    products: dict[str, set[int]] = defaultdict(set)
    if needs.categories:
        tree = [(pk, fold(path)) for pk, path in Category.objects.order_by().values_list("pk", "path")]
        categories = {wanted: _below(fold(wanted), tree) for wanted in needs.categories}
    if needs.products:
        rows = Product.objects.filter(external_id__in=needs.products)
        for pk, external_id in rows.values_list("pk", "external_id"):
            products[external_id].add(pk)
    listed = {name: frozenset(ids) for name, ids in products.items()}
    return Catalogue(categories, listed, stored_types(needs.event_names), _stores(needs.stores))


def _stores(wanted: Collection[str]) -> dict[str, frozenset[int]]:
    """Return the ids of stores by what they are called: an id, or a name."""
    rows = list(stores_named(sorted(wanted)).values_list("pk", "external_id", "name")) if wanted else []
    return {
        name: frozenset(pk for pk, id, called in rows if name == id or fold(name) == fold(called))
        for name in wanted
    }


def _below(wanted: str, tree: Iterable[tuple[int, str]]) -> frozenset[int]:
    return frozenset(pk for pk, path in tree if path == wanted or path.startswith(f"{wanted}/"))
