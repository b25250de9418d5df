"""Whatever order events come in, however they are cut into batches and repeated, facts are the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from customers.facts import BEHAVIOUR, MONEY, facts_drift, rebuild_facts
from customers.ingest import EventIn, ingest
from customers.models import CustomerFacts, CustomerIdentity, EventType
from products.catalogue import ProductRef
from products.models import Product

AT = datetime(2026, 2, 27, tzinfo=UTC)
TYPES = [type for type in EventType if type not in (EventType.ORDER_PLACED, EventType.CUSTOM)]


@st.composite
def histories(draw):
    """Events of three customers with few distinct times, so that ties are common."""
    count = draw(st.integers(1, 25))
    return [
        EventIn(
            client_id=f"e{number}",
            line=str(number),
            type=draw(st.sampled_from(TYPES)),
            occurred_at=AT + timedelta(days=draw(st.integers(0, 4))),
            customer=(customer := draw(st.sampled_from("abc"))),
            order=f"{customer}{draw(st.integers(0, 1))}",
            refund=f"{customer}{draw(st.integers(0, 1))}",
            product=draw(st.sampled_from([None, *PRODUCTS])),
            quantity=draw(st.integers(1, 9)),
            value_minor=draw(st.integers(0, 5000)),
            currency="EUR",
        )
        for number in range(count)
    ]


PRODUCTS = [ProductRef("p1", category="a"), ProductRef("p2", category="b"), ProductRef("p3")]


class Replay(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(history=histories(), data=st.data())
    def test_a_shuffled_and_repeated_replay_gives_the_facts_of_one_straight_ingest(self, history, data):
        # Products first: which id is larger decides a tie, and must not depend on the order of arrival.
        shuffled = data.draw(st.permutations(history))
        for source, batches in (("straight", [history]), ("shuffled", _cut(shuffled, data))):
            ingest([_look_at(product) for product in PRODUCTS], source=source)
            for batch in batches:
                ingest(batch, source=source)
        straight, replayed = _split(facts_by_source())
        assert replayed == straight
        assert facts_drift() == {}
        before = facts_by_source()
        CustomerFacts.objects.all().delete()
        rebuild_facts()
        assert facts_by_source() == before


def _cut(events, data):
    """Batches of random sizes, and one of them twice."""
    size = data.draw(st.integers(1, 7))
    batches = [events[start : start + size] for start in range(0, len(events), size)]
    return [*batches, data.draw(st.sampled_from(batches))]


def _look_at(product: ProductRef) -> EventIn:
    return EventIn(
        client_id=f"look {product.external_id}",
        type=EventType.PAGE_VIEWED,
        occurred_at=AT,
        customer="z",
        product=product,
    )


def facts_by_source() -> dict[tuple[str, str], dict[str, object]]:
    """Facts by (source, customer's name there), products and categories by name."""
    products = dict(Product.objects.values_list("pk", "external_id"))
    paths = dict(Product.objects.exclude(category=None).values_list("category_id", "category__path"))
    names = {
        id: (space, value)
        for id, space, value in CustomerIdentity.objects.values_list("customer_id", "namespace", "value")
    }
    found = {}
    for row in CustomerFacts.objects.values("customer_id", *BEHAVIOUR, *MONEY):
        name = names[row.pop("customer_id")]
        found[name] = {
            key: products.get(value) if "product" in key else paths.get(value) if "category" in key else value
            for key, value in row.items()
        }
    return found


def _split(found):
    return tuple(
        {name: row for (space, name), row in found.items() if space == source}
        for source in ("straight", "shuffled")
    )
