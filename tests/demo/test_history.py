"""Eighteen months of the generated shop add up and look like a shop's."""

import numpy as np

from demo.history import build_history
from demo.kinds import KINDS
from demo.records import ADDED, CLICKED, OPENED, PLACED, REFUNDED, SENT, VIEWED, History
from demo.world import DAY_MS, HISTORY_DAYS, World


def test_the_same_world_gives_the_same_history(world: World, history: History) -> None:
    again = build_history(world)
    for name, column in vars(history.events).items():
        assert np.array_equal(getattr(again.events, name), column)


def test_events_are_in_time_order_and_within_the_window(world: World, history: History) -> None:
    times = history.events.at_ms
    start = int(world.start.timestamp() * 1000)
    assert (np.diff(times) >= 0).all()
    assert times[0] >= start
    assert times[-1] < start + HISTORY_DAYS * DAY_MS


def test_an_order_is_worth_its_lines(history: History) -> None:
    orders = history.orders
    lines = np.bincount(orders.line_order, weights=orders.line_quantity * orders.line_price_minor)
    assert np.array_equal(lines.astype(int), orders.total_minor)


def test_every_order_has_its_event(history: History) -> None:
    placed = history.events.take(history.events.type == PLACED)
    assert np.array_equal(np.sort(placed.order), np.arange(len(history.orders.customer)))
    assert placed.value.sum() == history.orders.total_minor.sum()


def test_what_is_bought_was_in_the_cart_before(history: History) -> None:
    added = history.events.take(history.events.type == ADDED)
    carts = set(zip(added.session.tolist(), added.product.tolist(), strict=True))
    orders = history.orders
    sessions = orders.session[orders.line_order]
    assert set(zip(sessions.tolist(), orders.line_product.tolist(), strict=True)) <= carts


def test_no_line_is_refunded_twice_or_beyond_its_value(history: History) -> None:
    orders, refunds = history.orders, history.refunds
    assert len(set(refunds.line.tolist())) == len(refunds.line)
    value = orders.line_quantity[refunds.line] * orders.line_price_minor[refunds.line]
    assert np.array_equal(refunds.amount_minor, value)
    assert (refunds.at_ms > orders.placed_ms[refunds.order]).all()


def test_only_those_who_consented_get_newsletters(world: World, history: History) -> None:
    sent = history.events.take(history.events.type == SENT)
    assert world.consents[sent.customer].all()


def test_nobody_gets_a_newsletter_after_unsubscribing(big_world: World, big_history: History) -> None:
    sent = big_history.events.take(big_history.events.type == SENT)
    left = big_history.unsubscribed_day[sent.customer] * DAY_MS + big_world.start.timestamp() * 1000
    assert (sent.at_ms < left).all()


def test_nobody_visits_before_signing_up(world: World, history: History) -> None:
    seen = history.events.take(history.events.type == VIEWED)
    day = (seen.at_ms - world.start.timestamp() * 1000) / DAY_MS
    assert (day >= world.signup_day[seen.customer]).all()


def test_it_has_the_size_of_a_real_shop(big_history: History) -> None:
    assert 300_000 < len(big_history.events) < 600_000
    assert 15_000 < len(big_history.orders.customer) < 20_000


def test_many_come_back_and_some_never_buy(big_world: World, big_history: History) -> None:
    orders = np.bincount(big_history.orders.customer, minlength=big_world.size)
    assert 0.65 < (orders >= 2).sum() / (orders >= 1).sum() < 0.85
    assert 0.15 < (orders == 0).mean() < 0.30


def test_beanies_sell_in_winter_and_sandals_in_summer(big_world: World, big_history: History) -> None:
    orders = big_history.orders
    months = (
        orders.placed_ms[orders.line_order].astype("datetime64[ms]").astype("datetime64[M]").astype(int) % 12
    ) + 1
    kinds = big_world.catalogue.kind[orders.line_product]
    slugs = [kind.slug for kind in KINDS]
    winter, summer = np.isin(months, (11, 12, 1)), np.isin(months, (6, 7, 8))
    beanies, sandals = kinds == slugs.index("beanies"), kinds == slugs.index("sandals")
    assert (beanies & winter).sum() > 3 * (beanies & summer).sum()
    assert (sandals & summer).sum() > 3 * (sandals & winter).sum()


def test_people_look_at_what_they_like(big_world: World, big_history: History) -> None:
    seen = big_history.events.take(big_history.events.type == VIEWED)
    share = big_world.taste[seen.customer, big_world.catalogue.kind[seen.product]].mean()
    assert share > 2.5 / len(KINDS)


def test_clothes_come_back_more_often_than_gear(big_world: World, big_history: History) -> None:
    worn = np.array([kind.parent in {"Clothing", "Footwear"} for kind in KINDS])
    sold = worn[big_world.catalogue.kind[big_history.orders.line_product]]
    back = worn[big_world.catalogue.kind[big_history.orders.line_product[big_history.refunds.line]]]
    assert back.sum() / sold.sum() > 2 * (~back).sum() / (~sold).sum()


def test_openers_and_clickers_are_a_part_of_those_written_to(big_history: History) -> None:
    counts = np.bincount(big_history.events.type)
    assert 0.15 < counts[OPENED] / counts[SENT] < 0.40
    assert 0.02 < counts[CLICKED] / counts[SENT] < 0.10
    assert counts[REFUNDED] > 0
