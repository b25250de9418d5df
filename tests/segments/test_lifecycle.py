from datetime import timedelta
from functools import partial

import pytest

from common.clock import now
from customers.merging import merge
from customers.models import Customer, CustomerFacts
from segments import lifecycle, membership
from segments import stages as lifecycle_stages
from segments.models import LifecycleStage, Segment, StageChange
from segments.stages import BadStages, in_order, preview, save_stages, stored_stages, with_draft, without

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stages")]
DAY = timedelta(days=1)


def a_customer(
    *, orders: int = 0, seen: int | None = 1, ordered: int | None = None, **values: object
) -> Customer:
    """A customer who was seen and ordered so many days ago."""
    person = Customer.objects.create(**values)
    CustomerFacts.objects.create(
        customer=person,
        orders_count=orders,
        last_seen_at=None if seen is None else now() - seen * DAY,
        last_order_at=None if ordered is None else now() - ordered * DAY,
    )
    return person


def stage_of(person: Customer) -> str:
    return Customer.objects.get(pk=person.pk).stage


@pytest.mark.parametrize(
    ("history", "stage"),
    [
        ({}, "new"),
        ({"seen": None}, "new"),
        ({"seen": None, "signed_up_at": now() - 91 * DAY}, "churned"),
        ({"orders": 1, "ordered": 3}, "active"),
        ({"orders": 3, "ordered": 3}, "loyal"),
        ({"orders": 3, "ordered": 200}, "active"),
        ({"orders": 3, "ordered": 50, "seen": 46}, "at-risk"),
        ({"seen": 46}, "new"),
        ({"orders": 9, "ordered": 91, "seen": 91}, "churned"),
    ],
)
def test_the_first_stage_that_fits_counts(history, stage):
    person = a_customer(**history)
    lifecycle.judge_everybody(cause="schedule")
    assert stage_of(person) == stage


def test_each_known_customer_is_in_one_stage_and_no_visitor_is():
    people = [a_customer() for _ in range(3)]
    visitor = a_customer(is_anonymous=True)
    lifecycle.judge_everybody(cause="schedule")
    assert [stage_of(one) for one in [*people, visitor]] == ["new", "new", "new", ""]
    assert dict(LifecycleStage.objects.values_list("key", "member_count"))["new"] == 3


def test_a_move_is_logged_with_its_cause():
    person = a_customer()
    lifecycle.judge_everybody(cause="schedule")
    CustomerFacts.objects.update(orders_count=1)
    with_news = lifecycle.judge([person.pk], cause="event")
    assert with_news.counts == {("new", "active"): 1}
    moves = StageChange.objects.order_by("pk").values_list("from_stage", "to_stage", "cause", "claimed_at")
    assert list(moves) == [("", "new", "schedule", None), ("new", "active", "event", None)]
    counts = dict(LifecycleStage.objects.values_list("key", "member_count"))
    assert (counts["new"], counts["active"]) == (0, 1)


def test_a_second_judgement_moves_nobody():
    a_customer()
    lifecycle.judge_everybody(cause="schedule")
    assert lifecycle.judge_everybody(cause="schedule").counts == {}
    assert StageChange.objects.count() == 1


def test_what_an_edit_moves_is_claimed_already():
    a_customer(orders=1, ordered=2)
    lifecycle.judge_everybody(cause="schedule")
    active = LifecycleStage.objects.get(key="active")
    active.condition = {"fact": "orders_count", "op": "gte", "value": 2}
    save_stages(partial(with_draft, active))
    change = StageChange.objects.latest("pk")
    assert (change.from_stage, change.to_stage, change.cause) == ("active", "new", "edit")
    assert change.claimed_at is not None


def test_a_preview_says_who_would_move_and_moves_nobody():
    a_customer(orders=1, ordered=2)
    a_customer()
    lifecycle.judge_everybody(cause="schedule")
    active = LifecycleStage.objects.get(key="active")
    active.condition = {"fact": "orders_count", "op": "gte", "value": 2}
    found = preview(with_draft(active, stored_stages()), at=now())
    assert found is not None and (found.moving, found.sampled) == (1, 0)
    figures = {stage.key: (before, after) for stage, before, after in found.rows}
    assert (figures["active"], figures["new"]) == ((1, 0), (1, 2))
    assert Customer.objects.filter(stage="active").count() == 1


def test_another_order_puts_people_elsewhere():
    person = a_customer(orders=3, ordered=2)
    save_stages(partial(in_order, ["churned", "at-risk", "active", "loyal", "new"]))
    assert stage_of(person) == "active"


@pytest.mark.parametrize("order", [["new", "active"], [], ["new", "churned", "at-risk", "loyal", "active"]])
def test_an_order_of_other_stages_is_refused(order):
    with pytest.raises(BadStages):
        in_order(order, stored_stages())


def test_the_stage_of_everybody_else_stays():
    with pytest.raises(BadStages, match="everybody else; it stays"):
        save_stages(lambda stored: stored[:-1])
    assert LifecycleStage.objects.count() == 5


def test_a_stage_that_a_segment_asks_for_stays():
    Segment.objects.create(key="x", name="Best", condition={"not": {"stage": "loyal"}})
    with pytest.raises(BadStages, match="“Loyal” stays: it is asked for by “Best”"):
        save_stages(partial(without, "loyal"))
    assert LifecycleStage.objects.count() == 5


def a_stage(key: str) -> LifecycleStage:
    return LifecycleStage(key=key, name=key, condition={"fact": "views_count", "op": "gte", "value": 9})


def test_an_edit_that_waited_keeps_what_a_colleague_changed_meanwhile():
    loyal = LifecycleStage.objects.get(key="loyal")
    active = LifecycleStage.objects.get(key="active")
    save_stages(partial(with_draft, a_stage("fans")))
    active.condition = {"fact": "orders_count", "op": "gte", "value": 7}
    save_stages(partial(with_draft, active))
    loyal.name = "Faithful"
    save_stages(partial(with_draft, loyal))
    stored = {one.key: one for one in stored_stages()}
    assert list(stored) == ["churned", "at-risk", "loyal", "active", "fans", "new"]
    assert (stored["loyal"].name, stored["active"].condition["value"]) == ("Faithful", 7)


def test_an_edit_of_a_stage_that_was_changed_or_deleted_meanwhile_is_refused():
    first, second = (LifecycleStage.objects.get(key="loyal") for _ in range(2))
    first.name, second.name = "First", "Second"
    save_stages(partial(with_draft, first))
    with pytest.raises(BadStages, match="“Second” has been changed meanwhile"):
        save_stages(partial(with_draft, second))
    assert LifecycleStage.objects.get(key="loyal").name == "First"
    save_stages(partial(without, "loyal"))
    with pytest.raises(BadStages, match="“First” has been deleted meanwhile"):
        save_stages(partial(with_draft, first))
    assert not LifecycleStage.objects.filter(key="loyal").exists()


def test_of_two_new_stages_with_one_key_the_second_is_refused():
    save_stages(partial(with_draft, a_stage("fans")))
    with pytest.raises(BadStages, match="a stage with this key already"):
        save_stages(partial(with_draft, a_stage("fans")))


def test_segments_of_a_stage_follow_the_move():
    segment = Segment.objects.create(key="buyers", name="Buyers", condition={"stage": ["active", "loyal"]})
    person = a_customer(orders=1, ordered=2)
    membership.refresh_lifecycle(cause="edit")
    assert segment.memberships.get().customer == person


def test_a_stage_may_be_built_on_a_segment():
    Segment.objects.create(key="uk", name="UK", condition={"attribute": "country", "value": "GB"})
    loyal = LifecycleStage.objects.get(key="loyal")
    loyal.condition = {"segment": "uk"}
    save_stages(partial(with_draft, loyal))
    person = a_customer(country="GB")
    membership.refresh_all()
    assert stage_of(person) == "loyal"
    assert loyal.name in [one.label.removeprefix("Stage: ") for one in Segment.objects.get().references.all()]


def test_stages_and_segments_that_wait_for_each_other_are_refused():
    Segment.objects.create(key="best", name="Best", condition={"stage": "loyal"})
    loyal = LifecycleStage.objects.get(key="loyal")
    loyal.condition = {"segment": "best"}
    with pytest.raises(BadStages, match="the lifecycle is built on “Best”, which is built on the lifecycle"):
        save_stages(partial(with_draft, loyal))
    assert LifecycleStage.objects.get(key="loyal").condition != {"segment": "best"}


def test_a_merged_profile_leaves_its_stage_and_the_survivor_has_one():
    first, second = a_customer(), a_customer()
    lifecycle.judge_everybody(cause="schedule")
    merge(first.pk, second.pk, cause="test")
    while membership.refresh_touched():
        pass
    assert [stage_of(first), stage_of(second)] == ["new", ""]
    assert LifecycleStage.objects.get(key="new").member_count == 1


def test_moves_are_counted_for_the_chart():
    people = [a_customer() for _ in range(2)]
    lifecycle.judge_everybody(cause="schedule")
    CustomerFacts.objects.filter(customer=people[0]).update(orders_count=1)
    lifecycle.judge_everybody(cause="schedule")
    flow = lifecycle_stages.moves(stored_stages())
    assert flow is not None
    assert list(flow.streams) == [("New subscriber", "Active", 1)]
