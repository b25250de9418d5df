"""The newsletters of the past: what they showed, who opened them, clicked and left."""

from dataclasses import replace

import numpy as np

from demo.catalogue import Floats, Ints, season_weights
from demo.kinds import KINDS
from demo.reactions import expectations, react
from demo.records import (
    CLICKED,
    OPENED,
    SENT,
    UNSUBSCRIBED,
    Events,
    Newsletter,
    Sessions,
    columns,
    concatenate,
    join,
    to_ms,
)  # fmt: skip
from demo.world import World

NEWSLETTER_PRODUCTS = 4


def plan_newsletters(world: World, rng: np.random.Generator) -> tuple[Newsletter, ...]:
    """One a month about a category in season, with four of its best-known products."""
    made: list[Newsletter] = []
    for month in range(18):
        day = 8 + month * 30.4 + 9 / 24
        season = season_weights()[world.at(day).month - 1] * rng.uniform(0.7, 1.3, len(KINDS))
        season[[letter.kind for letter in made[-9:]]] = 0
        kind = int(season.argmax())
        members = world.catalogue.of_kind(kind)
        known = members[np.argsort(-world.catalogue.popularity[members])][:8]
        chosen = rng.permutation(known)[:NEWSLETTER_PRODUCTS]
        made.append(Newsletter(day, kind, tuple(int(product) for product in chosen)))
    return tuple(made)


def send_newsletters(world: World, newsletters: tuple[Newsletter, ...]) -> tuple[Events, Sessions, Floats]:
    """Newsletter events, the visits that clicks led to, and when people unsubscribed."""
    unsubscribed = np.full(world.size, np.inf)
    parts, visits = [], []
    for number, letter in enumerate(newsletters):
        rng = np.random.default_rng([world.seed, 5, number])
        to = np.flatnonzero(world.consents & (world.signup_day < letter.day) & (unsubscribed > letter.day))
        shown = np.tile(np.array(letter.products), (len(to), 1))
        subject = np.full(len(to), letter.kind)
        expected = expectations(world, customers=to, shown=shown, subject_kind=subject, day=letter.day)
        reactions = react(world, expected, seed=number)
        sent = letter.day + rng.random(len(to)) * 0.02
        opened = sent + rng.exponential(0.35, len(to))
        row, link = np.nonzero(reactions.clicked)
        clicked = opened[row] + (20 + 60 * rng.random(len(row)) + 90 * link) / 86_400
        gone = reactions.unsubscribed
        unsubscribed[to[gone]] = opened[gone] + 0.001
        parts += [
            _letter(SENT, to, to_ms(world, sent), number),
            _letter(OPENED, to[reactions.opened], to_ms(world, opened[reactions.opened]), number),
            replace(_letter(CLICKED, to[row], to_ms(world, clicked), number), product=shown[row, link]),
            _letter(UNSUBSCRIBED, to[gone], to_ms(world, unsubscribed[to[gone]]), number),
        ]
        kinds = np.full(len(row), letter.kind)
        no = np.zeros(len(row), dtype=np.bool_)
        visits.append(Sessions(to[row], clicked + 5 / 86_400, kinds, shown[row, link], no))
    return concatenate(parts), join(visits), unsubscribed


def _letter(type_: int, customers: Ints, at_ms: Ints, number: int) -> Events:
    return columns(type_, customers, at_ms, newsletter=np.full(len(customers), number))
