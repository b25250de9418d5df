import pytest

from segments.models import Segment
from segments.nesting import SCORE, STAGE, Node, circle_with, node_of, problem_with, sorted_nodes

pytestmark = pytest.mark.django_db
STAGES = "tests.segments.test_nesting.loyal_stage"


def loyal_stage() -> list[Node]:
    return [Node((STAGE, "loyal"), "Loyal", {"segment": "buyers"})]


def test_a_circle_runs_through_stages(settings):
    settings.CONDITION_NODES = [STAGES]
    buyers = Segment(key="buyers", name="Buyers", condition={"stage": ["new", "loyal"]})
    assert problem_with(buyers) == "“Buyers” is built on “Loyal”, which is built on “Buyers”."


def test_a_circle_runs_through_scores_and_what_comes_after_them():
    stage = Node((STAGE, "risk"), "At risk", {"score": "churn", "op": "gte", "value": 1})
    score = Node((SCORE, "churn"), "Churn", {"all": []}, after=frozenset({("segment", "quiet")}))
    quiet = node_of(Segment(key="quiet", name="Quiet", condition={"not": {"stage": "risk"}}))
    assert circle_with([stage, score, quiet]) == (
        "“At risk” is built on “Churn”, which is built on “Quiet”, which is built on “At risk”."
    )


def test_who_is_innocent_of_a_circle_is_not_refused():
    Segment.objects.create(key="a", name="A", condition={"segment": "b"})
    Segment.objects.create(key="b", name="B", condition={"segment": "a"})
    assert problem_with(Segment(key="new", name="New", condition={"all": []})) is None


def test_each_comes_after_what_it_is_built_on():
    upper = Node(("segment", "upper"), "Upper", {"stage": "loyal"})
    lower = Node((STAGE, "loyal"), "Loyal", {"segment": "lowest"})
    lowest = Node(("segment", "lowest"), "Lowest", {"all": []})
    assert sorted_nodes([upper, lower, lowest]) == [lowest, lower, upper]
