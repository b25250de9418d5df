"""The pages of journeys: who may do what, and what is stored."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from campaigns import tasks
from campaigns.models import Enrolment, Journey
from delivery.models import Sender
from rules.files import dump_text
from segments import membership
from segments.models import Segment
from tests.campaigns.journeys.going import CART, HOUR, enrol, journey, walk
from tests.campaigns.making import BRITISH, people

pytestmark = pytest.mark.django_db


def signed_in(role: str = Role.MARKETER) -> Client:
    """A browser of somebody with this role."""
    client = Client()
    client.force_login(User.objects.create_user(f"{role}@example.com", role=role))
    return client


def page(client: Client, name: str, *args: object) -> str:
    """What a page says."""
    answer = client.get(reverse(f"campaigns:{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_marketer_begins_with_a_starter_publishes_and_opens_it() -> None:
    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    client = signed_in()
    assert "No journeys yet" in page(client, "journeys")
    made = client.post(
        reverse("campaigns:journey_new"), {"name": "Carts", "sender": sender.pk, "starter": "abandoned-cart"}
    )
    assert made["Location"] == "/journeys/carts/edit/"
    draft = Journey.objects.get().draft
    client.post(made["Location"], {"document": dump_text(draft), "publish": "yes", "base": 0})
    client.post(reverse("campaigns:journey_steer", args=["carts", "open"]))
    one = Journey.objects.get()
    assert (one.state, one.live_version.number) == ("active", 1)
    assert "Send the mail “cart-reminder”" in page(client, "journey", "carts")


def test_a_draft_is_kept_without_changing_what_is_live() -> None:
    journey()
    written = CART | {"steps": [HOUR]}
    answer = signed_in().post(
        "/journeys/cart/edit/", {"document": dump_text(written), "keep": "yes", "base": 1}
    )
    assert answer.status_code == 302
    one = Journey.objects.get()
    assert (one.draft, one.live_version.document) == (written, CART)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("trigger: {event: product_added}\nsteps: [", "line "),
        ("trigger: {event: product_added}\nsteps: [{name: x, exit: 1}]", "steps[0].exit: expected true."),
        (
            "trigger: {event: product_added}\nsteps: [{name: x, send: {template: gone}}]",
            "there is no template",
        ),
    ],
)
def test_what_cannot_be_published_is_said_with_its_place(document: str, said: str) -> None:
    journey()
    answer = signed_in().post("/journeys/cart/edit/", {"document": document, "publish": "yes", "base": 1})
    assert answer.status_code == 200
    assert said in str(answer.context["form"].errors)
    assert Journey.objects.get().live_version.number == 1


def test_who_may_not_launch_publishes_no_version_of_an_open_journey(settings: Settings) -> None:
    settings.LAUNCH_NEEDS_APPROVER = True
    journey()
    written = {"document": dump_text(CART | {"steps": [HOUR]}), "publish": "yes", "base": 1}
    assert "who may launch publishes it" in signed_in().post("/journeys/cart/edit/", written).content.decode()
    assert Journey.objects.get().live_version.number == 1
    signed_in(Role.APPROVER).post("/journeys/cart/edit/", written)
    assert Journey.objects.get().live_version.number == 2


def test_the_steps_are_shown_in_the_order_of_reading() -> None:
    journey()
    shown = page(signed_in(), "journey_edit", "cart")
    assert (
        shown.index("trigger:")
        < shown.index("steps:")
        < shown.index("name: an-hour")
        < shown.index("wait:\n")
    )


def test_the_second_of_two_writers_is_told_of_the_first() -> None:
    journey()
    answer = signed_in().post(
        "/journeys/cart/edit/", {"document": dump_text(CART), "publish": "yes", "base": 0}
    )
    assert "A colleague has published version 1 meanwhile" in answer.content.decode()


def test_a_secret_is_stored_and_never_shown() -> None:
    journey()
    client = signed_in()
    secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    sent = {"document": dump_text(CART), "keep": "yes", "base": 1}
    assert client.post("/journeys/cart/edit/", sent | {"webhook_secret": "whsec_%"}).status_code == 200
    client.post("/journeys/cart/edit/", sent | {"webhook_secret": secret})
    client.post("/journeys/cart/edit/", sent)
    assert Journey.objects.get().webhook_secret == secret
    assert secret not in page(client, "journey_edit", "cart") + page(client, "journey", "cart")


def test_the_page_counts_who_is_where_with_the_same_number_of_queries() -> None:
    way = journey()
    client = signed_in()
    page(client, "journey", "cart")
    with CaptureQueriesContext(connection) as empty:
        page(client, "journey", "cart")
    enrol(way, *people(30))
    walk(way)
    with CaptureQueriesContext(connection) as full:
        found = page(client, "journey", "cart")
    assert "There now" in found
    assert '<td class="text-end">30</td>' in found
    assert len(full) == len(empty)


def test_a_run_is_tried_and_noted_in_the_audit_trail() -> None:
    journey()
    (one,) = people(1)
    client = signed_in()
    answer = client.post("/journeys/cart/try/", {"customer": one.email, "start": "2026-11-27 08:00"})
    assert "Fri 27 Nov 2026 09:00" in answer.content.decode()
    assert Enrolment.objects.count() == 0
    assert AuditEntry.objects.filter(action="tried a journey for somebody").count() == 1
    answer = client.post("/journeys/cart/try/", {"customer": "nobody@example.com"})
    assert "There is no customer with this address or id." in answer.content.decode()


def test_who_is_there_already_is_counted_and_entered_when_asked() -> None:
    segment = Segment.objects.create(key="british", name="British", condition=BRITISH)
    people(3)
    membership.refresh(segment, cause="edit")
    journey({"trigger": {"segment": "british"}, "steps": [HOUR]}, is_open=False)
    client = signed_in()
    assert "3 people are where this journey begins" in page(client, "journey", "cart")
    client.post("/journeys/cart/open/", {"with_present": "yes"})
    assert Journey.objects.get().state == "active"
    assert tasks.enter_present_customers(Journey.objects.get().pk) == 3


def test_a_viewer_looks_and_changes_nothing() -> None:
    journey(is_open=False)
    viewer = signed_in(Role.VIEWER)
    assert "Edit the steps" not in page(viewer, "journey", "cart")
    for path in ("edit/", "try/", "open/", "pause/", "close/"):
        assert viewer.post(f"/journeys/cart/{path}").status_code == 403
    assert Journey.objects.get().state == "draft"


def test_a_journey_that_was_never_opened_is_not_paused() -> None:
    journey(is_open=False)
    answer = signed_in().post("/journeys/cart/pause/", follow=True)
    assert "The journey was never opened." in answer.content.decode()
