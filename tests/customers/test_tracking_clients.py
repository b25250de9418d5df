"""Real clients against a real server: only their host is changed."""

import functools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient
from segment.analytics.request import APIError

from common.clock import now
from customers.facts import facts_drift
from customers.models import Customer, CustomerFacts, Event, Order
from customers.tracking.names import event_label
from demo.serving import served
from tests.customers.tracking import new_key, track
from tests.flows.programs import point_programs_here

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("usual_names")]
BATCH = 100
WRITERS = 4


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The address of a server process with several threads, for all tests here: its start is what takes time."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        point_programs_here(patch)
        with served() as address:
            yield address


def tell_everything(client: Any, name: str) -> None:
    """One call of each kind, as the client's own documentation writes them."""
    device = f"{name}-device"
    client.page(anonymous_id=device, name="Tents", properties={"url": "https://shop.example/tents"})
    client.identify("u1", {"email": f"{name}@example.com", "firstName": "Ada"}, anonymous_id=device)
    client.track("u1", "Product Viewed", {"product_id": "B1", "name": "Boot", "price": 129.95})
    client.track("u1", "Quiz Finished", {"score": 7})
    products = [{"product_id": "B1", "price": 129.95, "quantity": 2}]
    client.track("u1", "Order Completed", {"order_id": "o1", "total": 259.9, "products": products})
    client.screen("u1", name="Basket")
    client.group("u1", "g1", {"plan": "team"})
    client.alias(f"{name}-earlier", "u1")
    client.flush()
    client.join()


def what_was_stored(source: str) -> dict[str, Any]:
    """The customer u1 of a source, and what they did."""
    customer = Customer.objects.known().get(identities__namespace=source)
    types = Event.objects.filter(customer=customer).values_list("type", flat=True)
    return {
        "profile": (customer.email, customer.first_name, customer.attributes["group_plan"]),
        "ids": set(customer.identities.exclude(namespace="email").values_list("namespace", "value")),
        "events": Counter(event_label(type) for type in types),
        "order": Order.objects.get(source=source).total_minor,
    }


def _note(complaints: list[Any], error: Exception, items: list[Any]) -> None:
    complaints.append(error)


def test_stock_clients_tell_everything_by_changing_their_host(server: str) -> None:
    clients: dict[str, Any] = {"segment": SegmentClient, "rudder": RudderClient}
    for source, client in clients.items():
        complaints: list[Any] = []
        note = functools.partial(_note, complaints)
        tell_everything(client(new_key(source), host=server, on_error=note, gzip=True), source)
        assert complaints == []
        assert what_was_stored(source) == {
            "profile": (f"{source}@example.com", "Ada", "team"),
            "ids": {(source, "u1"), ("anonymous", f"{source}-device"), ("anonymous", f"{source}-earlier")},
            "events": {
                "viewed a page": 2,
                "viewed a product": 1,
                "placed an order": 1,
                "bought a product": 1,
                "Quiz Finished": 1,
                "Group Joined": 1,
            },
            "order": 25_990,
        }


def test_a_stock_client_understands_a_refusal(server: str) -> None:
    client = SegmentClient("rk_wrong", host=server, sync_mode=True)
    with pytest.raises(APIError) as raised:
        client.track("u1", "Product Viewed")
    assert (raised.value.status, raised.value.code) == (401, "unauthorized")
    assert "write key" in raised.value.message


def test_the_same_batch_from_many_writers_at_once_with_other_clocks_has_one_effect(server: str) -> None:
    secret, at = new_key(), now()
    items = [
        track(
            "Product Added" if n % 2 else "Brand Followed",
            messageId=f"m{n}",
            userId=f"u{n % 7}",
            timestamp=(at - timedelta(minutes=n)).isoformat(),
            properties={"product_id": f"p{n % 5}", "price": 10},
        )
        for n in range(BATCH - 1)
    ]
    items.append(track("Order Completed", messageId="o", properties={"order_id": "o1", "total": 50}))

    def send(writer: int) -> list[dict[str, int]]:
        with httpx.Client(base_url=server, auth=(secret, ""), timeout=60) as client:
            answers = []
            for attempt in range(3):
                sent_at = (at + timedelta(seconds=writer * 10 + attempt)).isoformat()
                answer = client.post("/v1/batch", json={"batch": items, "sentAt": sent_at})
                assert answer.status_code == 200, answer.text
                answers.append(answer.json())
            return answers

    with ThreadPoolExecutor(WRITERS) as pool:
        answers = [answer for told in pool.map(send, range(WRITERS)) for answer in told]
    assert sum(answer["stored"] for answer in answers) == BATCH
    assert all(answer["stored"] + answer["duplicates"] == BATCH for answer in answers)
    assert Event.objects.count() == BATCH
    assert Customer.objects.count() == 7
    assert len({type for type in Event.objects.values_list("type", flat=True) if type >= 1000}) == 1
    assert sum(CustomerFacts.objects.values_list("carts_count", flat=True)) == BATCH // 2 - 1
    assert sum(CustomerFacts.objects.values_list("revenue_minor", flat=True)) == 5000
    assert facts_drift() == {}
