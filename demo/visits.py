"""Visits to the generated shop and the products that people look at."""

import numpy as np

from demo.catalogue import Floats, Ints, season_weights
from demo.kinds import KINDS
from demo.names import COUNTRIES
from demo.records import VIEWED, Events, Sessions, columns, join, to_ms
from demo.world import HISTORY_DAYS, World, product_utility, zone_offsets

MONTH_DEMAND = (0.85, 0.8, 0.92, 1.0, 1.15, 1.2, 1.1, 1.0, 0.95, 0.97, 1.35, 1.3)
WEEKDAY_DEMAND = (0.98, 0.93, 0.93, 0.95, 0.92, 1.05, 1.24)


def visits(world: World, rng: np.random.Generator, arrivals: Sessions) -> Sessions:
    """Visits of people's own accord, the first at sign-up, and those that mails led to; in time order."""
    demand = np.concatenate([[0.0], np.cumsum(_daily_demand(world))])
    begin = np.clip(world.signup_day, 0, HISTORY_DAYS)
    end = np.clip(world.churn_day, begin, HISTORY_DAYS)
    days = np.arange(HISTORY_DAYS + 1, dtype=float)
    low, high = np.interp(begin, days, demand), np.interp(end, days, demand)
    count = rng.poisson(world.visits_per_month / 30.4 * (high - low))
    who = np.repeat(np.arange(world.size), count)
    day = np.interp(low[who] + rng.random(len(who)) * (high - low)[who], demand, days)
    day = _at_local_hours(world, rng, who, np.floor(day))
    kept = (day >= begin[who]) & (day < HISTORY_DAYS)
    who, day = who[kept], day[kept]
    newcomers = np.flatnonzero(world.signup_day >= 0)
    who = np.concatenate([who, newcomers])
    day = np.concatenate([day, world.signup_day[newcomers] + 30 / 86_400])
    first = np.arange(len(who)) >= len(who) - len(newcomers)
    own = Sessions(who, day, _focus(world, rng, who, day), np.full(len(who), -1), first)
    everything = join([own, arrivals])
    order = np.lexsort((everything.customer, everything.day))
    return Sessions(**{name: column[order] for name, column in vars(everything).items()})


def _daily_demand(world: World) -> Floats:
    """How busy each day of the history is, about 1."""
    moments = [world.at(day) for day in range(HISTORY_DAYS)]
    return np.array([MONTH_DEMAND[at.month - 1] * WEEKDAY_DEMAND[at.weekday()] for at in moments])


def _at_local_hours(world: World, rng: np.random.Generator, who: Ints, day: Floats) -> Floats:
    """Moments on those days at hours when people shop, by the clock where they live."""
    part = rng.choice(3, len(who), p=(0.2, 0.55, 0.25))
    hour = rng.normal(np.array([12.6, 20.3, 15.0])[part], np.array([1.0, 1.5, 3.0])[part])
    offsets = zone_offsets(world)
    offset = np.zeros(len(who))
    for country in range(len(COUNTRIES)):
        here = world.country[who] == country
        offset[here] = offsets[country][world.city[who[here]], day[here].astype(int)]
    return np.asarray(day + np.clip(hour, 5.5, 23.9) / 24 - offset)


def _focus(world: World, rng: np.random.Generator, who: Ints, day: Floats) -> Ints:
    """The category that brought somebody: taste times season where they live."""
    months = np.array([world.at(d).month - 1 for d in range(HISTORY_DAYS + 1)])[np.floor(day).astype(int)]
    southern = np.array([country.southern for country in COUNTRIES])[world.country[who]]
    season = np.where(southern[:, None], season_weights(southern=True)[months], season_weights()[months])
    return draw_column(rng, world.taste[who] * season)


def draw_column(rng: np.random.Generator, weights: Floats) -> Ints:
    """Draw a column for each row of weights (m, k), which need not sum to 1."""
    cumulative = np.cumsum(weights, axis=1)
    level = rng.random(len(weights)) * cumulative[:, -1]
    return np.asarray(np.minimum((cumulative < level[:, None]).sum(axis=1), weights.shape[1] - 1))


def views(world: World, rng: np.random.Generator, sessions: Sessions) -> Events:
    """Product views: mostly within the category that the visit is about, by taste, price and renown."""
    count = rng.geometric(0.28, len(sessions.customer)).clip(1, 18)
    session = np.repeat(np.arange(len(count)), count)
    start = np.cumsum(count) - count
    position = np.arange(len(session)) - start[session]
    who = sessions.customer[session]
    stray = rng.random(len(session)) < 0.28
    kind = np.where(stray, draw_column(rng, world.taste[who]), sessions.kind[session])
    product = _products(world, rng, who, kind)
    landed = (position == 0) & (sessions.landing[session] >= 0)
    product = np.where(landed, sessions.landing[session], product)
    duration = np.clip(rng.lognormal(10.2, 0.8, len(session)), 2_000, 600_000).astype(np.int64)
    spent = np.cumsum(duration + 4_000)
    before = spent - duration - 4_000
    at = to_ms(world, sessions.day)[session] + before - before[start][session]
    return columns(VIEWED, who, at, product=product, session=session, duration_ms=duration)


def _products(world: World, rng: np.random.Generator, who: Ints, kind: Ints) -> Ints:
    """A product of the given category for each row, by the customers' utilities."""
    product = np.zeros(len(who), dtype=np.int64)
    for index in range(len(KINDS)):
        rows, members = np.flatnonzero(kind == index), world.catalogue.of_kind(index)
        if len(rows) and len(members):
            utility = product_utility(world, who[rows][:, None], members[None, :])
            product[rows] = members[draw_column(rng, np.exp(utility))]
    return product
