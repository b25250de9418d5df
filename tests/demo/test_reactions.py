"""Reactions follow from a mail's content and its reader's taste."""

import numpy as np

from demo.reactions import expectations, organic_purchase, react, true_effect
from demo.world import World, appeal

EVERYBODY = np.arange(5_000)


def _favourites(world: World, *, best: bool) -> np.ndarray:
    """The four products that each customer likes most, or least."""
    ranked = np.argsort(appeal(world, EVERYBODY[:, None], np.arange(400)[None, :]), axis=1)
    return ranked[:, -4:] if best else ranked[:, :4]


def test_a_mail_with_favourites_is_expected_to_be_clicked_more(big_world: World) -> None:
    effect = true_effect(
        big_world,
        customers=EVERYBODY,
        control=_favourites(big_world, best=False),
        treatment=_favourites(big_world, best=True),
    )
    assert effect.click_rate[1] > 4 * effect.click_rate[0]
    assert effect.conversion_rate[1] > effect.conversion_rate[0]
    assert effect.revenue_minor[1] > effect.revenue_minor[0]


def test_the_same_content_has_no_effect(big_world: World) -> None:
    shown = np.tile([3, 50, 120, 300], (5_000, 1))
    effect = true_effect(big_world, customers=EVERYBODY, control=shown, treatment=shown)
    assert effect.click_rate[0] == effect.click_rate[1]
    assert effect.revenue_minor[0] == effect.revenue_minor[1]


def test_what_is_drawn_agrees_with_the_true_effect(big_world: World) -> None:
    shown = _favourites(big_world, best=True)
    expected = expectations(big_world, customers=EVERYBODY, shown=shown)
    clicked = np.mean(
        [react(big_world, expected, seed=seed).clicked.any(axis=1).mean() for seed in range(20)]
    )
    truth = true_effect(big_world, customers=EVERYBODY, control=shown, treatment=shown).click_rate[0]
    assert abs(clicked - truth) < 0.005


def test_the_same_seed_gives_the_same_reactions(big_world: World) -> None:
    expected = expectations(big_world, customers=EVERYBODY, shown=_favourites(big_world, best=True))
    assert np.array_equal(
        react(big_world, expected, seed=5).clicked, react(big_world, expected, seed=5).clicked
    )


def test_nobody_clicks_a_mail_that_was_not_opened_nor_buys_what_was_not_clicked(big_world: World) -> None:
    expected = expectations(big_world, customers=EVERYBODY, shown=_favourites(big_world, best=True))
    reactions = react(big_world, expected, seed=1)
    assert not reactions.clicked[~reactions.opened].any()
    assert not reactions.bought[~reactions.clicked].any()
    assert not reactions.unsubscribed[~reactions.opened].any()


def test_nobody_clicks_an_empty_place(big_world: World) -> None:
    shown = np.full((5_000, 3), -1)
    shown[:, 0] = 7
    reactions = react(big_world, expectations(big_world, customers=EVERYBODY, shown=shown), seed=1)
    assert reactions.clicked[:, 0].any()
    assert not reactions.clicked[:, 1:].any()


def test_a_subject_about_what_one_likes_is_opened_more(big_world: World) -> None:
    shown = np.full((5_000, 1), -1)
    best, worst = big_world.taste.argmax(axis=1), big_world.taste.argmin(axis=1)
    liked = expectations(big_world, customers=EVERYBODY, shown=shown, subject_kind=best)
    other = expectations(big_world, customers=EVERYBODY, shown=shown, subject_kind=worst)
    assert (liked.opens > other.opens).all()


def test_who_has_left_buys_nothing_unasked(big_world: World) -> None:
    left = np.flatnonzero(big_world.churn_day < 548)
    assert organic_purchase(big_world, customers=left).sum() == 0
