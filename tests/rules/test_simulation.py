"""A simulation counts what deciding everybody one by one would count."""

import random
from collections import Counter
from threading import Event, Thread

import pytest
from django.db import connection, transaction

from customers.models import Consent, Customer
from rules import simulation
from rules.documents import parse_document
from rules.outcomes import outcome_of
from rules.simulation import TooSlow, simulate
from rules.wording import compare, value_in_words, values_of
from segments.conditions import Needs, needs
from segments.evaluator import load_profiles, matches
from segments.models import Segment
from tests.rules.conftest import BRITISH, document
from tests.segments.worlds import NOW, populate

BEFORE = document(
    {"name": "loyal", "when": {"fact": "orders_count", "op": "gte", "value": 2}, "then": {"show": "loyal"}},
    {
        "name": "best",
        "when": {"score": "ltv", "op": "top_percent", "value": 20},
        "then": {"set": {"headline": "You!"}},
    },
    BRITISH,
)
AFTER = document(
    {
        "name": "viewer",
        "when": {"event": "product_viewed"},
        "then": {"show": "viewed", "exclude": {"products": ["p1"]}},
    },
    {"name": "loyal", "when": {"fact": "orders_count", "op": "gte", "value": 3}, "then": {"show": "loyal"}},
    {
        "name": "quiet",
        "when": {"attribute": "city", "value": "GB"},
        "then": {"suppress": True, "set": {"headline": "You!"}},
    },
    BRITISH,
    otherwise={"show": "new", "set": {"headline": "Hello"}},
)


def by_hand(ids: list[int]) -> tuple[int, Counter]:
    """The customers and the kinds of change, decided one by one in memory."""
    documents = [parse_document(raw) for raw in (BEFORE, AFTER)]
    wanted = Needs()
    for one in documents:
        for rule in one.rules:
            wanted |= needs(rule.when)
    kinds: Counter = Counter()
    changed = set()
    for pk, profile in load_profiles(ids, wanted, now=NOW).items():
        parts = []
        for one in documents:
            said = {}
            for rule in (*one.rules,):
                if matches(rule.when, profile, now=NOW):
                    said = values_of(rule.then) | said
            assert (
                outcome_of(one, lambda when, profile=profile: matches(when, profile, now=NOW)).fired
                is not None
            )
            parts.append(values_of(one.otherwise) | said)
        old, new = parts
        for part in old.keys() | new.keys():
            if old.get(part) != new.get(part):
                kinds[part, *(said_of(one, part) for one in (old, new))] += 1
                changed.add(pk)
    return len(changed), kinds


def said_of(values: dict[str, str], part: str) -> str:
    return value_in_words(part, values[part]) if part in values else ""


def consenting(people: list[Customer]) -> list[Customer]:
    ids = Customer.objects.known().consenting().filter(allows_profiling=True).values_list("pk", flat=True)
    return [person for person in people if person.pk in set(ids)]


def run(**options: object) -> simulation.Simulation:
    return simulate(parse_document(BEFORE), parse_document(AFTER), now=NOW, **options)


@pytest.mark.django_db
@pytest.mark.parametrize("large", [False, True])
def test_the_counts_are_those_of_deciding_one_by_one(monkeypatch, large):
    if large:
        monkeypatch.setattr(simulation, "SAMPLE_SIZE", 1)
    audience = consenting(populate(random.Random(3), 200))
    found = run()
    changed, kinds = by_hand([person.pk for person in audience])
    assert (found.audience, found.changed, found.sample) == (len(audience), changed, None)
    assert {(one.part, one.before, one.after): one.customers for one in found.kinds} == kinds
    assert len(kinds) >= 8
    assert len(found.examples) == 12
    assert {
        (change.part, change.before, change.after) for one in found.examples for change in one.changes
    } == set(kinds)


@pytest.mark.django_db
def test_only_the_members_of_the_segment_are_decided(django_assert_num_queries):
    audience = consenting(populate(random.Random(3), 60))
    inner = Segment.objects.get(key="inner")
    members = [person.pk for person in audience if person.memberships.exists()]
    found = run(segment=inner)
    assert (found.audience, found.changed) == (len(members), by_hand(members)[0])


@pytest.mark.django_db
def test_the_number_of_queries_does_not_depend_on_the_audience(django_assert_num_queries):
    Customer.objects.create()
    populate(random.Random(3), 60)
    with django_assert_num_queries(8):
        run()


@pytest.mark.django_db
def test_of_a_huge_audience_a_sample_is_decided_and_the_figures_say_so(monkeypatch):
    people = Customer.objects.bulk_create([Customer(country="GB") for _ in range(400)])
    Consent.objects.bulk_create(
        [Consent(customer=person, is_granted=True, changed_at=NOW, source="test") for person in people]
    )
    monkeypatch.setattr(simulation, "LARGEST_AUDIENCE", 300)
    monkeypatch.setattr(simulation, "SAMPLE_SIZE", 100)
    before, after = document(BRITISH), document({**BRITISH, "then": {"show": "gb"}})
    found = simulate(parse_document(before), parse_document(after), now=NOW)
    assert (found.audience, found.changed, found.mark) == (400, 400, "≈ ")
    assert found.sample is not None
    assert 40 < found.sample < 200


@pytest.mark.django_db
def test_documents_that_decide_alike_change_nothing():
    populate(random.Random(3), 20)
    renamed = document(BRITISH | {"name": "other"})
    found = simulate(parse_document(document(BRITISH)), parse_document(renamed), now=NOW)
    assert (found.changed, found.kinds, found.examples) == (0, (), ())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ({"set": {"vip": True}}, {"set": {"vip": "yes"}}, ("true", '"yes"')),
        ({"set": {"vip": True}}, {"set": {"vip": 1}}, ("yes", "1")),
        ({"set": {"vip": 5}}, {"set": {"vip": "5"}}, ("5", '"5"')),
        (
            {"recommend": {"categories": ["a, b"]}},
            {"recommend": {"categories": ["a", "b"]}},
            (
                '{"strategy": "for_you", "categories": ["a, b"], "products": []}',
                '{"strategy": "for_you", "categories": ["a", "b"], "products": []}',
            ),
        ),
    ],
    ids=["true and yes", "true and 1", "5 and its text", "one category and two"],
)
def test_different_values_with_the_same_words_are_a_change(before, after, shown):
    person = Customer.objects.create()
    Consent.objects.create(customer=person, is_granted=True, changed_at=NOW, source="test")
    old, new = (parse_document(document(otherwise=otherwise)) for otherwise in (before, after))
    found = simulate(old, new, now=NOW)
    assert (found.changed, [(one.before, one.after) for one in found.kinds]) == (1, [shown])
    assert len(compare(old, new)) == 1


@pytest.mark.django_db(transaction=True)
def test_one_that_takes_too_long_is_ended_with_a_sentence(monkeypatch):
    monkeypatch.setattr(simulation, "PATIENCE_MS", 100)
    locked, done = Event(), Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK customers_customer IN ACCESS EXCLUSIVE MODE")
            locked.set()
            done.wait(60)
        connection.close()

    thread = Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(60)
        with pytest.raises(TooSlow, match="Choose a smaller segment"):
            run()
    finally:
        done.set()
        thread.join()
