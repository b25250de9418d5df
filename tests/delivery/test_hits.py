"""What is kept of openings and clicks, in which statement, and where a click leads."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common import tokens
from common.clock import now
from customers.models import Customer
from delivery import tracking
from delivery.hit_views import HitMiddleware
from delivery.link_lists import link_list_of
from delivery.models import LinkList, Message, MessageEvent
from delivery.verdicts import TRAP_INDEX

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]
PERSON = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
SHARED = ("https://shop.example/", "https://shop.example/sale")


@pytest.fixture
def message(queue: Queue) -> Message:
    (message,) = queue(1)
    Message.objects.update(
        links=["https://shop.example/tent"],
        link_list=link_list_of(SHARED),
        state="sent",
        sent_at=now() - timedelta(hours=1),
    )
    message.refresh_from_db()
    return message


def click(client: Client, message: Message, index: int) -> tuple[int, str]:
    token = tokens.sign(tracking.PURPOSE_CLICK, message.pk)
    answer = client.get(reverse("delivery:clicked", args=[token, index]), **PERSON)
    return answer.status_code, answer.get("Location", "")


def open_it(client: Client, message: Message) -> int:
    token = tokens.sign(tracking.PURPOSE_OPEN, message.pk)
    return client.get(reverse("delivery:opened", args=[token]), **PERSON).status_code


def test_its_own_links_come_after_those_it_shares(client: Client, message: Message) -> None:
    assert [click(client, message, index)[1] for index in range(3)] == [*SHARED, "https://shop.example/tent"]
    assert list(MessageEvent.objects.order_by("pk").values_list("link_index", flat=True)) == [0, 1, 2]


def test_a_mail_of_before_has_all_its_links_itself(client: Client, message: Message) -> None:
    Message.objects.update(link_list=None, links=[*SHARED, "https://shop.example/tent"])
    assert click(client, message, 1) == (302, SHARED[1])


@pytest.mark.parametrize("index", [3, TRAP_INDEX - 1, TRAP_INDEX + 1, 10**30])
def test_a_link_that_the_mail_has_not_is_not_found_nor_noted(
    client: Client, message: Message, index: int
) -> None:
    assert click(client, message, index)[0] == 404
    assert not MessageEvent.objects.exists()


def test_an_erased_persons_links_lead_nowhere(client: Client, message: Message) -> None:
    Message.objects.update(links=None)
    assert click(client, message, 0)[0] == 404


def test_the_hidden_link_leads_nowhere_and_marks_a_machine(client: Client, message: Message) -> None:
    assert click(client, message, TRAP_INDEX) == (200, "")
    event = MessageEvent.objects.get()
    assert (event.link_index, event.is_machine, event.verdict) == (
        TRAP_INDEX,
        True,
        "followed the hidden link",
    )


def test_who_is_faster_than_a_person_is_none(client: Client, message: Message) -> None:
    Message.objects.update(sent_at=now())
    open_it(client, message)
    assert MessageEvent.objects.values_list("is_machine", "verdict").get() == (True, "faster than a person")


def test_a_mail_that_is_not_there_is_not_found(client: Client, message: Message) -> None:
    assert open_it(client, Message(pk=message.pk + 1)) == 404
    assert click(client, Message(pk=message.pk + 1), 0)[0] == 404


def test_whom_they_were_merged_into_is_asked_for_consent(client: Client, message: Message) -> None:
    middle = Customer.objects.create(merged_into=Customer.objects.create())
    Customer.objects.filter(pk=message.customer_id).update(merged_into=middle)
    open_it(client, message)
    assert MessageEvent.objects.count() == 1
    assert middle.merged_into is not None
    middle.merged_into.consents.create(
        purpose="open_tracking", is_granted=False, changed_at=now(), source="test"
    )
    open_it(client, message)
    assert MessageEvent.objects.count() == 1


def test_a_zero_byte_in_the_name_of_a_browser_is_left_out(client: Client, message: Message) -> None:
    token = tokens.sign(tracking.PURPOSE_OPEN, message.pk)
    assert client.get(reverse("delivery:opened", args=[token]), HTTP_USER_AGENT="a\0b").status_code == 200
    assert MessageEvent.objects.get().user_agent == "ab"


@pytest.mark.parametrize(
    "act", [lambda client, one: open_it(client, one), lambda client, one: click(client, one, 2)]
)
def test_a_hit_is_one_statement(
    client: Client, message: Message, act: Callable[[Client, Message], object]
) -> None:
    with CaptureQueriesContext(connection) as queries:
        act(client, message)
    assert len(queries) == 1


def test_a_hit_asks_for_no_session_login_or_page(
    client: Client, message: Message, rf: RequestFactory
) -> None:
    token = tokens.sign(tracking.PURPOSE_CLICK, message.pk)
    answer = HitMiddleware(lambda request: HttpResponse("a page"))(
        rf.get(reverse("delivery:clicked", args=[token, 1]), **PERSON)
    )
    assert (answer.status_code, answer["Location"], answer["Content-Length"]) == (302, SHARED[1], "0")
    assert "Content-Security-Policy" not in client.get(reverse("delivery:clicked", args=[token, 1]), **PERSON)


@pytest.mark.parametrize(
    "path", ["/t/c/nobody/0", "/t/o/nobody.gif", "/t/c/x/y/0", "/campaigns/", "/t/c/x/123456"]
)
def test_whatever_is_refused_goes_the_way_of_every_page(
    message: Message, rf: RequestFactory, path: str
) -> None:
    answer = HitMiddleware(lambda request: HttpResponse("a page"))(rf.get(path))
    assert answer.content == b"a page"


def test_equal_lists_of_links_are_stored_once(message: Message) -> None:
    assert link_list_of(SHARED) == link_list_of(list(SHARED)) == message.link_list_id
    assert link_list_of(()) is None
    assert LinkList.objects.count() == 1
