"""How the generated customers react to a mail: from what it shows and who reads it, from nothing else.

Nothing here knows a campaign, a variant or a recommender. A mail that shows what somebody likes is clicked
more; that is the true effect, and `true_effect` computes it without looking at any outcome.
"""

from dataclasses import dataclass

import numpy as np

from demo.catalogue import Floats, Ints
from demo.kinds import KINDS
from demo.world import HISTORY_DAYS, Bools, World, appeal

CONVERSION_PER_VISIT = 0.14


@dataclass(frozen=True)
class Expectations:
    """Probabilities for m mails that show up to k products each.

    `opens` (m,); `clicks` (m, k) and `purchases` (m, k) are not conditional on opening or clicking;
    `unsubscribes` (m,); `organic` (m,) is an order within the window that owes nothing to the mail.
    """

    opens: Floats
    clicks: Floats
    purchases: Floats
    unsubscribes: Floats
    organic: Floats


@dataclass(frozen=True)
class Reactions:
    """What m people did: `opened` (m,), `clicked` (m, k), `bought` (m, k), `unsubscribed` (m,)."""

    opened: Bools
    clicked: Bools
    bought: Bools
    unsubscribed: Bools


@dataclass(frozen=True)
class TrueEffect:
    """Expected values a recipient under two contents for the same people; the effect is the difference."""

    click_rate: tuple[float, float]
    conversion_rate: tuple[float, float]
    revenue_minor: tuple[float, float]


def expectations(
    world: World, *, customers: Ints, shown: Ints, subject_kind: Ints | None = None, day: float = HISTORY_DAYS
) -> Expectations:
    """What to expect from mails to `customers` (m,) that show the products `shown` (m, k), −1 for none.

    `subject_kind` (m,) is the category that the subject line speaks of, −1 for none; `day` counts from the
    world's start.
    """
    present = shown >= 0
    attraction = np.clip(appeal(world, customers[:, None], np.maximum(shown, 0), day=day), -4, 4)
    opens = _sigmoid(world.openness[customers] + _subject_pull(world, customers, subject_kind))
    opens *= np.where(world.churn_day[customers] < day, 0.35, 1.0)
    given_open = np.where(present, _sigmoid(-2.95 + 0.8 * attraction - 0.12 * np.arange(shown.shape[1])), 0.0)
    given_click = np.where(world.churn_day[customers] < day, 0.4, 1.0)[:, None] * _sigmoid(
        -1.9 + 0.3 * attraction
    )
    clicks = opens[:, None] * given_open
    best = np.where(present, attraction, -4).max(axis=1, initial=-4)
    return Expectations(
        opens=opens,
        clicks=clicks,
        purchases=clicks * given_click,
        unsubscribes=opens * _sigmoid(-5.4 - 0.5 * best),
        organic=organic_purchase(world, customers=customers, day=day),
    )


def organic_purchase(
    world: World, *, customers: Ints, day: float = HISTORY_DAYS, window_days: float = 7
) -> Floats:
    """The probability (m,) that somebody orders within the window without any mail."""
    visits = world.visits_per_month[customers] * window_days / 30.4
    rate = np.where(world.churn_day[customers] < day, 0.0, visits * CONVERSION_PER_VISIT)
    return np.asarray(1 - np.exp(-rate))


def react(world: World, expected: Expectations, *, seed: int) -> Reactions:
    """Roll the dice once for each mail; the same seed gives the same reactions."""
    rng = np.random.default_rng([world.seed, 4, seed])
    opened = rng.random(len(expected.opens)) < expected.opens
    share_clicked = _ratio(expected.clicks, expected.opens[:, None])
    clicked = opened[:, None] & (rng.random(share_clicked.shape) < share_clicked)
    share_bought = _ratio(expected.purchases, expected.clicks)
    bought = clicked & (rng.random(share_bought.shape) < share_bought)
    unsubscribed = opened & (rng.random(len(opened)) < _ratio(expected.unsubscribes, expected.opens))
    return Reactions(opened, clicked, bought, unsubscribed)


def true_effect(
    world: World, *, customers: Ints, control: Ints, treatment: Ints, day: float = HISTORY_DAYS
) -> TrueEffect:
    """What each of two contents, (m, k) products, would bring from the same people, in expectation."""
    one, two = (_outcome(world, customers, shown, day) for shown in (control, treatment))
    return TrueEffect((one[0], two[0]), (one[1], two[1]), (one[2], two[2]))


def _outcome(world: World, customers: Ints, shown: Ints, day: float) -> tuple[float, float, float]:
    """A head: click rate, conversion rate with what is bought anyway, revenue in cents from clicks."""
    expected = expectations(world, customers=customers, shown=shown, day=day)
    given_open = _ratio(expected.clicks, expected.opens[:, None])
    clicked = expected.opens * (1 - np.prod(1 - given_open, axis=1))
    bought_given_open = _ratio(expected.purchases, expected.opens[:, None])
    bought = expected.opens * (1 - np.prod(1 - bought_given_open, axis=1))
    converted = 1 - (1 - bought) * (1 - expected.organic)
    revenue = (expected.purchases * world.catalogue.price_minor[np.maximum(shown, 0)]).sum(axis=1)
    return float(clicked.mean()), float(converted.mean()), float(revenue.mean())


def _subject_pull(world: World, customers: Ints, subject_kind: Ints | None) -> Floats:
    """Log-odds that a subject line adds by naming a category that the reader likes (or does not)."""
    if subject_kind is None:
        return np.zeros(len(customers))
    liking = np.log(world.taste[customers, np.maximum(subject_kind, 0)] * len(KINDS))
    return np.asarray(np.where(subject_kind >= 0, 0.25 * np.clip(liking, -2, 2), 0.0))


def _sigmoid(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
