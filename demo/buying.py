"""Orders of the generated customers since the last look: those that a mail led to, and those of their own accord.

Both are a week's, told at once, so that the demo need not wait seven days for a result.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from customers.events_in import EventIn
from customers.models import EventType
from demo.catalogue import Ints
from demo.loading import CURRENCY, product_refs
from demo.reactions import organic_purchase
from demo.visits import draw_column
from demo.world import World, appeal


def order_events(
    world: World, baskets: Iterable[tuple[str, int, Sequence[int]]], *, placed_at: Iterable[datetime]
) -> list[EventIn]:
    """Turn (order id, customer, products), each placed at its moment, into order lines for ingest.

    An empty basket is no order.
    """
    refs = product_refs(world)
    events = []
    for (order, customer, products), moment in zip(baskets, placed_at, strict=True):
        for line, product in enumerate(products):
            made = world.catalogue.products[product]
            events.append(
                EventIn(
                    client_id=order,
                    line=str(line),
                    type=EventType.ORDER_LINE.value,
                    occurred_at=moment,
                    customer=world.external_id(customer),
                    order=order,
                    product=refs[product],
                    description=made.name,
                    quantity=1,
                    unit_price_minor=made.price_minor,
                    value_minor=made.price_minor,
                    currency=CURRENCY,
                )
            )
    return events


def organic_baskets(world: World, *, day: float, number: int) -> list[tuple[str, int, Sequence[int]]]:
    """What everybody buys in a week without any mail, whether they got one or not.

    `number` tells weeks apart: the same number gives the same orders.
    """
    rng = np.random.default_rng([world.seed, 6, number])
    chance = organic_purchase(world, customers=np.arange(world.size), day=day)
    buyers: Ints = np.flatnonzero(rng.random(world.size) < chance)
    everything = np.arange(len(world.catalogue.products))
    bought = draw_column(rng, np.exp(appeal(world, buyers[:, None], everything[None, :], day=day)))
    return [
        (f"own-{number}-{buyer}", int(buyer), (int(product),))
        for buyer, product in zip(buyers, bought, strict=True)
    ]
