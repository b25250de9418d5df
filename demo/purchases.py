"""Carts, orders and refunds that follow from the views."""

from dataclasses import replace

import numpy as np

from demo.catalogue import Floats
from demo.kinds import KINDS, WORN
from demo.records import ADDED, PLACED, REFUNDED, Events, Orders, Refunds, Sessions, columns
from demo.world import DAY_MS, HISTORY_DAYS, World, product_utility

BOUGHT_IN_SEVERAL = {"socks", "carabiners", "bottles"}


def carts(world: World, rng: np.random.Generator, views: Events) -> Events:
    """What was put into carts: what suits people and held them longer, each product once a visit."""
    added = views.take(rng.random(len(views)) < _add_probability(world, views))
    _, first = np.unique(added.session * 100_000 + added.product, return_index=True)
    added = added.take(np.sort(first))
    several = np.array([0.4 if kind.slug in BOUGHT_IN_SEVERAL else 0.02 for kind in KINDS])
    quantity = 1 + (rng.random(len(added)) < several[world.catalogue.kind[added.product]])
    return replace(
        added,
        type=np.full(len(added), ADDED),
        at_ms=added.at_ms + np.maximum(added.duration_ms - 1_000, 900),
        quantity=quantity,
        value=quantity * world.catalogue.price_minor[added.product],
        duration_ms=np.zeros(len(added), dtype=np.int64),
    )


def orders(world: World, rng: np.random.Generator, sessions: Sessions, added: Events) -> Orders:
    """Some carts are paid for, two to ten minutes after the last product went in; the rest are left."""
    session, row = np.unique(added.session, return_inverse=True)
    total = np.bincount(row, weights=added.value)
    last = np.zeros(len(session), dtype=np.int64)
    np.maximum.at(last, row, added.at_ms)
    log_odds = -0.15 + 1.6 * sessions.first[session] - 0.25 * np.log(total / 12_000)
    placed = last + rng.integers(120_000, 600_000, len(session))
    start = int(world.start.timestamp() * 1000)
    paid = (rng.random(len(session)) < 1 / (1 + np.exp(-log_odds))) & (placed < start + HISTORY_DAYS * DAY_MS)
    by_time = np.flatnonzero(paid)[np.argsort(placed[paid], kind="stable")]
    number = np.full(len(session), -1)
    number[by_time] = np.arange(len(by_time))
    lines = np.flatnonzero(paid[row])
    lines = lines[np.argsort(number[row[lines]], kind="stable")]
    return Orders(
        customer=sessions.customer[session[by_time]],
        placed_ms=placed[by_time],
        session=session[by_time],
        total_minor=total[by_time].astype(np.int64),
        line_order=number[row[lines]],
        line_product=added.product[lines],
        line_quantity=added.quantity[lines],
        line_price_minor=world.catalogue.price_minor[added.product[lines]],
    )


def refunds(world: World, rng: np.random.Generator, bought: Orders) -> Refunds:
    """Lines that came back within three weeks: clothes more than the rest, bad choices most of all."""
    shop = world.catalogue
    worn = np.array([kind.parent in WORN for kind in KINDS])[shop.kind[bought.line_product]]
    customer = bought.customer[bought.line_order]
    liked = product_utility(world, customer, bought.line_product)
    rate = np.where(worn, 0.13, 0.045) * np.exp(-0.25 * np.clip(liked, -3, 3))
    returned = rng.random(len(rate)) < rate
    at = bought.placed_ms[bought.line_order] + ((4 + 17 * rng.random(len(rate))) * DAY_MS).astype(np.int64)
    now = int(world.start.timestamp() * 1000) + HISTORY_DAYS * DAY_MS
    line = np.flatnonzero(returned & (at < now))
    line = line[np.argsort(at[line], kind="stable")]
    amount = bought.line_quantity[line] * bought.line_price_minor[line]
    return Refunds(bought.line_order[line], line, at[line], amount)


def order_events(bought: Orders) -> Events:
    """One `order_placed` an order."""
    number = np.arange(len(bought.customer))
    return columns(
        PLACED,
        bought.customer,
        bought.placed_ms,
        order=number,
        session=bought.session,
        value=bought.total_minor,
    )


def refund_events(bought: Orders, returned: Refunds) -> Events:
    """One `order_refunded` a refund."""
    product = bought.line_product[returned.line]
    return columns(
        REFUNDED, bought.customer[returned.order], returned.at_ms,
        order=returned.order, product=product, value=returned.amount_minor,
    )  # fmt: skip


def _add_probability(world: World, views: Events) -> Floats:
    """People put into the cart what suits them, and what they looked at for longer."""
    utility = product_utility(world, views.customer, views.product)
    attention = np.log(views.duration_ms / 27_000)
    return np.asarray(1 / (1 + np.exp(2.15 - 0.35 * np.clip(utility, -3, 3) - 0.3 * attention)))
