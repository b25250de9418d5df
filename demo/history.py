"""Eighteen months of the generated shop, lived through in two seconds."""

import numpy as np

from demo import letters, purchases, visits
from demo.records import Events, History, concatenate, to_ms
from demo.world import HISTORY_DAYS, World


def build_history(world: World) -> History:
    """All that happened up to the world's `now`, in time order; the same world gives the same history."""
    rng = np.random.default_rng([world.seed, 3])
    newsletters = letters.plan_newsletters(world, rng)
    mail, arrivals, unsubscribed = letters.send_newsletters(world, newsletters)
    sessions = visits.visits(world, rng, arrivals)
    seen = visits.views(world, rng, sessions)
    added = purchases.carts(world, rng, seen)
    orders = purchases.orders(world, rng, sessions, added)
    refunds = purchases.refunds(world, rng, orders)
    told = [purchases.order_events(orders), purchases.refund_events(orders, refunds)]
    events = _in_time_order(world, concatenate([seen, added, *told, mail]))
    return History(events, orders, refunds, newsletters, unsubscribed)


def _in_time_order(world: World, events: Events) -> Events:
    events = events.take(np.lexsort((events.type, events.at_ms)))
    return events.take(events.at_ms < to_ms(world, HISTORY_DAYS))
