"""A journey's steps changed by forms: what is asked, what is stored, and that every way leads downwards."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from campaigns.journeys.documents import parse_document
from campaigns.journeys.drafting import with_changed_step, with_moved_step, with_step, without_step
from campaigns.journeys.starters import STARTERS, document_of_starter
from campaigns.journeys.step_forms import form_of
from campaigns.models import Journey
from experiments.models import Experiment
from rules.documents import checksum
from segments.models import Segment
from tests.campaigns.journeys.going import HOUR, REMIND, journey
from tests.campaigns.making import BRITISH

pytestmark = pytest.mark.django_db
ASK = {"name": "ask", "branch": BRITISH, "yes": "remind", "no": "end"}
DRAFT = {"trigger": {"event": "product_added"}, "steps": [HOUR, ASK, REMIND, {"name": "bye", "exit": True}]}


@pytest.fixture
def client() -> Client:
    journey(DRAFT)
    client = Client()
    client.force_login(User.objects.create_user("marketer@example.com", role=Role.MARKETER))
    return client


def draft() -> dict[str, Any]:
    return Journey.objects.get().draft


def steps() -> list[str]:
    parse_document(draft())
    return [step["name"] for step in draft()["steps"]]


def step(name: str) -> dict[str, Any]:
    return next(one for one in draft()["steps"] if one["name"] == name)


def post(client: Client, page: str, /, *args: str, after: str = "", **data: object) -> Any:
    url = reverse(f"campaigns:{page}", args=["cart", *args]) + (f"?after={after}" if after else "")
    return client.post(url, {"state": checksum(draft()), **data})


def add(client: Client, kind: str, *, after: str = "an-hour", **data: object) -> dict[str, Any]:
    answer = post(client, "journey_step_new", kind, after=after, name="new", **data)
    assert answer.status_code == 302, answer.context["form"].errors
    assert steps().index("new") == steps().index(after) + 1
    return {key: value for key, value in step("new").items() if key != "name"}


@pytest.mark.parametrize(
    ("kind", "data", "stored"),
    [
        ("wait-for", {"amount": 3, "unit": "hours"}, {"wait": {"for": {"hours": 3}}}),
        (
            "wait-until",
            {"until": "09:30", "on": ["mon", "fri"]},
            {"wait": {"until": "09:30", "on": ["mon", "fri"]}},
        ),
        (
            "wait-event",
            {"event": "order_placed", "amount": 2, "unit": "days", "happened": "end"},
            {"wait": {"event": "order_placed", "at_most": {"days": 2}}, "happened": "end"},
        ),
        (
            "branch",
            {"condition": "attribute: country\nvalue: GB", "no": "bye"},
            {"branch": {"attribute": "country", "value": "GB"}, "no": "bye"},
        ),
        (
            "send",
            {"template": "cart", "strategy": "again"},
            {"send": {"template": "cart", "strategy": "again"}},
        ),
        ("set", {"attributes": "tier: gold\npoints: 5"}, {"set": {"tier": "gold", "points": 5}}),
        (
            "webhook",
            {"url": "https://crm.example/hook", "payload": "list: vip", "then": "bye"},
            {"webhook": {"url": "https://crm.example/hook", "data": {"list": "vip"}}, "then": "bye"},
        ),
        ("exit", {}, {"exit": True}),
    ],
)
def test_a_step_of_each_kind_is_added(
    client: Client, kind: str, data: dict[str, object], stored: dict[str, object]
) -> None:
    assert add(client, kind, **data) == stored
    shown = client.get(reverse("campaigns:journey_step", args=["cart", "new"]))
    assert shown.status_code == 200
    answer = client.post(shown.request["PATH_INFO"], {"state": checksum(draft()), "name": "new", **data})
    assert answer.status_code == 302
    assert {key: value for key, value in step("new").items() if key != "name"} == stored


def test_a_branch_asks_for_a_segment(client: Client) -> None:
    Segment.objects.create(key="british", name="British", condition=BRITISH)
    assert add(client, "branch", segment="british")["branch"] == {"segment": "british"}


def test_variants_go_to_the_next_step_until_they_are_led_elsewhere(client: Client) -> None:
    experiment = Experiment.objects.create(key="tone", name="Tone", salt="s")
    for key in ("kind", "stern"):
        experiment.variants.create(key=key, name=key, role="treatment", weight=5000)
    assert add(client, "split", experiment="tone")["arms"] == {"kind": "ask", "stern": "ask"}
    post(
        client,
        "journey_step",
        "new",
        **{"name": "new", "experiment": "tone", "arm-kind": "ask", "arm-stern": "end"},
    )
    assert step("new")["arms"] == {"kind": "ask", "stern": "end"}


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("wait-for", {"amount": 0, "unit": "days"}, "greater than or equal to 1"),
        ("wait-for", {"amount": 99_999, "unit": "days"}, "A span is above 0"),
        ("branch", {}, "Choose a segment or write a condition"),
        ("branch", {"condition": "fact: shoe_size\nop: gte\nvalue: 2"}, "shoe_size"),
        ("webhook", {"url": "ftp://crm.example"}, "Expected an address"),
        ("set", {"attributes": "- a\n- b"}, "xpected"),
        ("wait-for", {"name": "remind", "amount": 1, "unit": "days"}, "another step is called"),
    ],
)
def test_what_cannot_stand_there_is_said_and_nothing_stored(
    client: Client, kind: str, data: dict[str, object], said: str
) -> None:
    answer = post(client, "journey_step_new", kind, after="an-hour", **{"name": "new", **data})
    assert answer.status_code == 200
    assert said.lower() in str(answer.context["form"].errors).lower()
    assert draft() == DRAFT


def test_a_renamed_step_is_still_led_to(client: Client) -> None:
    post(client, "journey_step", "remind", name="reminder", template="cart", strategy="for_you")
    assert steps() == ["an-hour", "ask", "reminder", "bye"]
    assert step("ask")["yes"] == "reminder"


def test_steps_are_moved_and_removed(client: Client) -> None:
    post(client, "journey_step_act", "remind", "up")
    assert steps() == ["an-hour", "remind", "ask", "bye"]
    assert step("ask") == {"name": "ask", "branch": BRITISH, "no": "end"}
    post(client, "journey_step_act", "an-hour", "remove")
    post(client, "journey_step_act", "remind", "down")
    assert steps() == ["ask", "remind", "bye"]


def test_what_led_to_a_removed_step_leads_to_the_one_after_it() -> None:
    assert without_step(DRAFT, "remind")["steps"][1]["yes"] == "bye"
    assert without_step(without_step(DRAFT, "remind"), "bye")["steps"][1]["yes"] == "end"


def test_whatever_is_done_to_a_starter_it_can_still_be_read() -> None:
    for key in STARTERS:
        document = document_of_starter(key)
        for one in document["steps"]:
            assert form_of(one) is not None
            parse_document(with_step(document, {"name": "x", "exit": True}, at=1))
            parse_document(with_changed_step(document, one | {"name": "renamed"}, name=one["name"]))
            for by in (-3, -1, 1, 3):
                parse_document(with_moved_step(document, one["name"], by=by))
            parse_document(without_step(document, one["name"]))


def test_the_last_step_stays(client: Client) -> None:
    for name in ("an-hour", "ask", "remind", "bye"):
        post(client, "journey_step_act", name, "remove")
    assert steps() == ["bye"]


def test_the_second_of_two_colleagues_is_told_of_the_first(client: Client) -> None:
    seen = checksum(draft())
    post(client, "journey_step_act", "remind", "up")
    before = draft()
    data = {"state": seen, "name": "remind", "template": "cart", "strategy": "again"}
    answer = client.post(reverse("campaigns:journey_step", args=["cart", "remind"]), data)
    assert "A colleague changed the steps meanwhile" in answer.content.decode()
    client.post(reverse("campaigns:journey_step_act", args=["cart", "ask", "remove"]), {"state": seen})
    assert draft() == before


def test_steps_that_only_yaml_can_say_are_shown_and_left_to_it(client: Client) -> None:
    wait = {"name": "quiz", "wait": {"event": "custom", "name": "Quiz Finished", "at_most": {"days": 1}}}
    Journey.objects.update(draft=DRAFT | {"steps": [wait]})
    assert "Change as YAML" in client.get(reverse("campaigns:journey_steps", args=["cart"])).content.decode()
    answer = client.get(reverse("campaigns:journey_step", args=["cart", "quiz"]))
    assert answer["Location"] == "/journeys/cart/edit/"


def test_the_page_publishes_the_draft(client: Client) -> None:
    post(client, "journey_step_act", "remind", "remove")
    shown = client.get(reverse("campaigns:journey_steps", args=["cart"]))
    document = shown.context["form"]["document"].value()
    client.post("/journeys/cart/edit/", {"document": document, "base": 1, "publish": "yes"})
    assert Journey.objects.get().live_version.document == draft()
    assert [one["name"] for one in draft()["steps"]] == ["an-hour", "ask", "bye"]
    assert "are the live version" in client.get(shown.request["PATH_INFO"]).content.decode()


def test_a_viewer_changes_no_steps(client: Client) -> None:
    client.force_login(User.objects.create_user("viewer@example.com", role=Role.VIEWER))
    assert client.get(reverse("campaigns:journey_steps", args=["cart"])).status_code == 403
    assert post(client, "journey_step_act", "remind", "remove").status_code == 403
    assert draft() == DRAFT
