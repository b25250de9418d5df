"""What is told of a customer reaches every segment that reads it, whoever tells, and no other is judged."""

import random
from datetime import timedelta

import pytest

from common.clock import now
from customers import consent, news
from customers.engagement import refresh_engagement
from customers.events_in import EventIn
from customers.ingest import ingest
from customers.merging import merge
from customers.models import Consent, Customer, EventName, EventType, Score, Touched
from customers.profiles import touch, update_profiles
from segments import membership
from segments.models import Segment, SegmentMembership

pytestmark = pytest.mark.django_db
CONDITIONS = {
    "viewed": {"event": "product_viewed", "count": {"gte": 2}},
    "viewed-lately": {"fact": "last_view_at", "op": "within", "value": {"days": 7}},
    "views": {"fact": "views_count", "op": "gte", "value": 2},
    "not-seen": {"fact": "last_seen_at", "op": "is_missing"},
    "carts": {"fact": "carts_count", "op": "gte", "value": 1},
    "abandoned": {"event": "product_added", "within": {"days": 2}, "not_followed_by": "order_placed"},
    "opened": {"not": {"fact": "opens_count", "op": "gte", "value": 1}},
    "searched": {"event": "searched", "within": {"hours": 24}},
    "quiz": {"event": "custom", "name": "Quiz Finished"},
    "british": {"attribute": "country", "value": "GB"},
    "vip": {"attribute": "attributes.tier", "value": "vip"},
    "consenting": {"consent": "marketing_email"},
    "nested": {"all": [{"segment": "views"}, {"not": {"segment": "british"}}]},
    "engaged": {"score": "engagement", "op": "gte", "value": 10},
    "churned": {"stage": "churned"},
    "everybody": {"all": []},
}
KINDS = [
    "PRODUCT_VIEWED",
    "PRODUCT_ADDED",
    "SEARCHED",
    "PAGE_VIEWED",
    "EMAIL_OPENED",
    "EMAIL_SENT",
    "ORDER_LINE",
]


def make_segments() -> None:
    for key, condition in CONDITIONS.items():
        Segment.objects.create(key=key, name=key, condition=condition)


def happens(dice: random.Random, number: int, people: list[int]) -> None:
    """One of the ways in which the house hears of customers."""
    roll, somebody = dice.random(), dice.choice([*people, None])
    if roll < 0.75 or somebody is None:
        event(dice, number)
    elif roll < 0.85:
        told = {"country": dice.choice(["GB", "DE"]), "attributes": {"tier": dice.choice(["vip", "x"])}}
        update_profiles({somebody: told})
    elif roll < 0.95:
        act = dice.choice([consent.grant, consent.withdraw])
        purpose = dice.choice([Consent.Purpose.MARKETING_EMAIL, Consent.Purpose.PROFILING])
        refresh_engagement(now())
        act([somebody], purpose, source="test")
    else:
        other = dice.choice(people)
        if somebody != other and not Customer.objects.filter(pk__in=[somebody, other]).exclude(
            merged_into=None
        ):
            merge(somebody, other, cause="test")


def event(dice: random.Random, number: int) -> None:
    kind = dice.choice([*KINDS, "QUIZ"])
    ago = timedelta(hours=dice.choice([0, 5, 30, 200, 1200, 3000]), seconds=dice.randrange(1, 99))
    sold = (
        {"order": f"o{number}", "line": "1", "value_minor": 900, "quantity": 1}
        if kind == "ORDER_LINE"
        else {}
    )
    who = dice.randrange(12)
    named = {"anonymous": f"d{who}"} if dice.random() < 0.3 else {"customer": f"u{who}"}
    told = EventIn(
        client_id=f"e{number}",
        type=quiz() if kind == "QUIZ" else EventType[kind],
        occurred_at=now() - ago,
        **named,
        **sold,
    )
    result = ingest([told], source="shop")
    assert result.inserted, result


def quiz() -> int:
    return EventName.objects.get_or_create(name="Quiz Finished", defaults={"number": 1000})[0].number


def state() -> tuple[set[tuple[str, int]], dict[int, str]]:
    members = set(SegmentMembership.objects.values_list("segment__key", "customer"))
    return members, dict(Customer.objects.values_list("pk", "stage"))


@pytest.mark.parametrize("seed", range(3))
def test_judging_only_what_news_may_change_gives_what_judging_everybody_gives(stages, seed):
    dice = random.Random(seed)
    make_segments()
    membership.refresh_all()
    for round in range(12):
        people = list(Customer.objects.known().filter(erased_at=None).values_list("pk", flat=True))
        for step in range(4):
            happens(dice, round * 10 + step, people)
        while membership.refresh_touched():
            pass
        by_news = state()
        membership.refresh_all()
        assert by_news == state()
    assert len(by_news[0]) > 20


def scored(key: str) -> tuple[Customer, Segment]:
    person = Customer.objects.create(stage="new")
    at = now()
    Score.objects.create(
        customer=person, kind=key, value=50, percentile=50, model_version="1", computed_at=at
    )
    condition = {"score": key, "op": "gte", "value": 1}
    segment = Segment.objects.create(key=key, name=key, condition=condition)
    membership.refresh_all()
    assert segment.memberships.get().customer == person
    return person, segment


def test_who_objects_to_profiling_leaves_the_segments_that_scores_made(stages):
    person, segment = scored("churn")
    Touched.objects.all().delete()
    consent.withdraw([person.pk], Consent.Purpose.PROFILING, source="test")
    membership.refresh_touched()
    assert not segment.memberships.exists()


def test_who_loses_a_score_because_nothing_feeds_it_leaves_its_segments(stages):
    person, segment = scored("engagement")
    Touched.objects.all().delete()
    assert refresh_engagement(now()) == 1
    membership.refresh_touched()
    assert not segment.memberships.exists()
    assert not Score.objects.filter(customer=person).exists()


def test_a_segment_that_does_not_read_the_news_is_not_judged(stages):
    person = Customer.objects.create(country="GB", stage="new")
    segment = Segment.objects.create(key="uk", name="UK", condition={"attribute": "country", "value": "GB"})
    touch([person.pk], changed=news.of_events([EventType.PRODUCT_VIEWED]))
    assert membership.refresh_touched() == 1
    assert not segment.memberships.exists()
    touch([person.pk], changed=news.PROFILE)
    membership.refresh_touched()
    assert segment.memberships.get().customer == person


def test_who_has_never_been_judged_is_judged_for_everything(stages):
    person = Customer.objects.create(country="GB")
    segment = Segment.objects.create(key="uk", name="UK", condition={"attribute": "country", "value": "GB"})
    touch([person.pk], changed=news.of_events([EventType.PAGE_VIEWED]))
    membership.refresh_touched()
    assert segment.memberships.get().customer == person


def test_news_add_up_while_they_wait(stages):
    person = Customer.objects.create()
    touch([person.pk], changed=news.PROFILE)
    since = Touched.objects.get().touched_at
    touch([person.pk], changed=news.CONSENT)
    row = Touched.objects.get()
    assert (row.changed, row.touched_at) == (news.PROFILE | news.CONSENT, since)


def test_time_moves_people_only_in_segments_that_read_it(stages, happen):
    person = Customer.objects.create(country="GB", stage="new")
    happen(person, EventType.SEARCHED, now() - timedelta(hours=1))
    timed = Segment.objects.create(key="a", name="A", condition={"event": "searched", "within": {"days": 1}})
    above = Segment.objects.create(key="b", name="B", condition={"segment": "a"})
    plain = Segment.objects.create(key="c", name="C", condition={"attribute": "country", "value": "GB"})
    assert set(membership.refresh_timed()) == {"a", "b"}
    assert [one.memberships.count() for one in (timed, above, plain)] == [1, 1, 0]


def test_a_new_customer_without_news_is_found_by_the_lifecycle(stages):
    person = Customer.objects.create(country="GB")
    segment = Segment.objects.create(key="uk", name="UK", condition={"attribute": "country", "value": "GB"})
    membership.refresh_timed()
    assert Touched.objects.get().changed == news.EVERYTHING
    membership.refresh_touched()
    assert segment.memberships.get().customer == person
