import pytest

from segments.models import LifecycleStage, Segment
from segments.nesting import LIFECYCLE, graph_of, problem_with, problem_with_stages

pytestmark = pytest.mark.django_db
BUYERS = {"fact": "orders_count", "op": "gte", "value": 1}


def a_stage(condition: object, key: str = "loyal") -> LifecycleStage:
    return LifecycleStage(key=key, name=key.title(), position=1, condition=condition)


def a_segment(key: str, condition: object, **values: object) -> Segment:
    return Segment(key=key, name=key.title(), condition=condition, **values)


def test_a_circle_runs_through_stages():
    LifecycleStage.objects.all().delete()
    a_stage({"segment": "buyers"}).save()
    buyers = a_segment("buyers", {"stage": "loyal"})
    buyers.save()
    assert problem_with(buyers) == "“Buyers” is built on the lifecycle, which is built on “Buyers”."


def test_a_stage_cannot_wait_for_stages():
    LifecycleStage.objects.all().delete()
    loyal = a_stage({"not": {"stage": "loyal"}})
    loyal.save()
    assert problem_with_stages([loyal]) == "the lifecycle is built on the lifecycle."


def test_a_segment_cannot_be_part_of_what_is_built_on_it():
    inner = Segment.objects.create(key="inner", name="Inner", condition=BUYERS)
    outer = Segment.objects.create(key="outer", name="Outer", condition={"not": {"segment": "inner"}})
    inner.parent = outer
    assert problem_with(inner) == "“Inner” is built on “Outer”, which is built on “Inner”."


def test_who_is_innocent_of_a_circle_is_not_refused():
    Segment.objects.create(key="a", name="A", condition={"segment": "b"})
    Segment.objects.create(key="b", name="B", condition={"segment": "a"})
    assert problem_with(a_segment("new", {"all": []})) is None


def test_nothing_is_built_on_what_is_archived(settings):
    from common.clock import now

    old = Segment.objects.create(key="old", name="Old", archived_at=now())
    assert problem_with(a_segment("new", {"segment": "old"})) == "The segment old is archived."
    assert (
        problem_with(a_segment("new", BUYERS, parent=old)) == "“Old” is archived: nothing can be part of it."
    )


def test_each_comes_after_what_it_is_built_on():
    lowest = a_segment("lowest", BUYERS, pk=3)
    stages = [a_stage({"segment": "lowest"})]
    upper = a_segment("upper", {"stage": "loyal"}, pk=1)
    part = a_segment("part", {"all": []}, pk=2, parent=upper)
    graph = graph_of([part, upper, lowest], stages)
    assert graph.order() == ["lowest", LIFECYCLE, "upper", "part"]
    assert graph.above("lowest") == [LIFECYCLE, "upper", "part"]


def test_what_is_built_on_something_reads_what_that_reads():
    inner = a_segment("inner", BUYERS, pk=1)
    outer = a_segment("outer", {"segment": "inner"}, pk=2)
    timed = a_segment("timed", {"all": [{"segment": "outer"}, {"event": "searched"}]}, pk=3)
    graph = graph_of([inner, outer, timed], ())
    readings = graph.readings(graph.order())
    assert readings["outer"] == readings["inner"]
    assert [readings[key].is_timed for key in ("inner", "outer", "timed")] == [False, False, True]
