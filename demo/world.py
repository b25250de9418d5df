"""The generated world: people with tastes that only the generator knows, and the shop that they visit."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from demo.catalogue import Catalogue, Floats, Ints, build_catalogue, season_weights
from demo.kinds import KINDS
from demo.names import COUNTRIES, City, Country

Bools = npt.NDArray[np.bool_]

HISTORY_DAYS = 548
DAY_MS = 86_400_000
DEVICES = ("mobile", "desktop", "tablet")

# What kinds of people come to an outdoor shop, and what they look at (weights by category, the rest 0.25).
ARCHETYPES: tuple[tuple[str, float, dict[str, float]], ...] = (
    (
        "trekker",
        0.24,
        {
            "hiking-boots": 7,
            "trekking-packs": 6,
            "trekking-poles": 5,
            "jackets": 5,
            "socks": 3,
            "compasses": 2,
        },
    ),
    (
        "camper",
        0.22,
        {
            "tents": 7,
            "sleeping-bags": 6,
            "sleeping-mats": 6,
            "stoves": 6,
            "lanterns": 5,
            "sandals": 2,
            "bottles": 2,
        },
    ),
    (
        "climber",
        0.12,
        {"ropes": 7, "carabiners": 8, "helmets": 5, "trousers": 3, "daypacks": 2, "fleeces": 2},
    ),
    (
        "runner",
        0.16,
        {"trail-shoes": 9, "socks": 5, "bottles": 5, "headlamps": 4, "jackets": 2, "sandals": 1},
    ),
    (
        "winter",
        0.12,
        {"jackets": 8, "fleeces": 6, "beanies": 6, "headlamps": 2, "hiking-boots": 3, "socks": 3},
    ),
    ("town", 0.14, {"daypacks": 7, "jackets": 5, "beanies": 4, "fleeces": 5, "bottles": 5, "trail-shoes": 2}),
)


@dataclass(frozen=True)
class World:
    """The people and the shop. Rows of all customer arrays agree; days count from `start`, fractions allowed.

    `taste` (n, kinds) sums to 1 a row; `style` (n, 4) pairs with the products' style; `tier` (n,) is the
    price standing a customer likes; `visits_per_month` (n,) while active; `churn_day` (n,) is when a customer
    stops coming; `openness` (n,) is the log-odds of opening a mail. None of these
    reaches the product's database.
    """

    seed: int
    now: datetime
    start: datetime
    catalogue: Catalogue
    archetype: Ints
    taste: Floats
    style: Floats
    tier: Floats
    visits_per_month: Floats
    signup_day: Floats
    churn_day: Floats
    openness: Floats
    country: Ints
    city: Ints
    gender: Ints
    device: Ints
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    emails: tuple[str, ...]
    birth_dates: tuple[date | None, ...]
    consents: Bools
    objects_to_profiling: Bools

    @property
    def size(self) -> int:
        """How many customers there are."""
        return len(self.emails)

    def external_id(self, customer: int) -> str:
        """The shop's own number of a customer."""
        return f"C{customer + 1:05d}"

    def country_of(self, customer: int) -> Country:
        """Where a customer lives."""
        return COUNTRIES[self.country[customer]]

    def city_of(self, customer: int) -> City:
        """The city a customer lives in, with its time zone."""
        return self.country_of(customer).cities[self.city[customer]]

    def gender_of(self, customer: int) -> str:
        """`female`, `male`, or empty where the customer did not say."""
        return ("", "female", "male")[self.gender[customer]]

    def at(self, day: float) -> datetime:
        """The moment so many days after `start`, to the second."""
        return self.start + timedelta(seconds=round(day * 86_400))


def build_world(
    *, seed: int = 7, size: int = 5_000, products: int = 400, now: datetime | None = None
) -> World:
    """The same world for the same seed, sizes and `now` (default: the last midnight UTC)."""
    moment = now or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rng = np.random.default_rng([seed, 2])
    country, city = _places(rng, size)
    gender, first, last = _people(rng, country)
    archetype, taste = _tastes(rng, size)
    signup, churn = _lifetimes(rng, size)
    return World(
        seed=seed,
        now=moment,
        start=moment - timedelta(days=HISTORY_DAYS),
        catalogue=build_catalogue(seed=seed, size=products),
        archetype=archetype,
        taste=taste,
        style=rng.normal(0, 0.8, (size, 4)) + _archetype_styles()[archetype],
        tier=np.clip(rng.normal(-0.1, 0.6, size), -1.4, 1.4),
        visits_per_month=np.exp(rng.normal(0.72, 0.65, size)),
        signup_day=signup,
        churn_day=churn,
        openness=rng.normal(-0.75, 0.9, size),
        country=country,
        city=city,
        gender=np.where(rng.random(size) < 0.12, 0, gender),
        device=rng.choice(len(DEVICES), size, p=(0.58, 0.34, 0.08)),
        first_names=first,
        last_names=last,
        emails=_emails(rng, first, last),
        birth_dates=_birth_dates(rng, size, moment.date()),
        consents=rng.random(size) < 0.84,
        objects_to_profiling=rng.random(size) < 0.02,
    )


def zone_offsets(world: World) -> list[Floats]:
    """For each country the offset of its cities from UTC in days, shape (cities, history days + 1)."""
    noons = [world.start + timedelta(days=day, hours=12) for day in range(HISTORY_DAYS + 1)]
    table: dict[str, list[float]] = {}
    for zone in {city.timezone for country in COUNTRIES for city in country.cities}:
        info = ZoneInfo(zone)
        table[zone] = [
            (noon.astimezone(info).utcoffset() or timedelta()).total_seconds() / 86_400 for noon in noons
        ]
    return [np.array([table[city.timezone] for city in country.cities]) for country in COUNTRIES]


def appeal(world: World, customers: Ints, products: Ints, *, day: float | None = None) -> Floats:
    """How much each product attracts each customer, log scale, about 0 for an average pair.

    `customers` and `products` broadcast together; with `day` (since `start`) the season counts.
    """
    shop = world.catalogue
    kinds = shop.kind[products]
    liking = np.log(world.taste[customers, kinds] * len(KINDS))
    if day is not None:
        month = world.at(day).month - 1
        southern = np.array([country.southern for country in COUNTRIES])[world.country[customers]]
        season = np.where(
            southern, season_weights(southern=True)[month, kinds], season_weights()[month, kinds]
        )
        liking = liking + np.log(season)
    return np.asarray(liking + product_utility(world, customers, products))


def product_utility(world: World, customers: Ints, products: Ints) -> Floats:
    """The part of `appeal` that tells products of one category apart: style, price, renown, fit."""
    shop = world.catalogue
    style = 0.55 * (world.style[customers] * shop.style[products]).sum(axis=-1)
    price = -0.5 * (world.tier[customers] - shop.tier[products]) ** 2
    wearer, fit = world.gender[customers], shop.fit[products]
    wrong_fit = np.where((fit > 0) & (wearer > 0) & (fit != wearer), -2.2, 0.0)
    return np.asarray(style + price + shop.popularity[products] + wrong_fit)


def _places(rng: np.random.Generator, size: int) -> tuple[Ints, Ints]:
    country = rng.choice(len(COUNTRIES), size, p=[c.share for c in COUNTRIES])
    city = np.zeros(size, dtype=np.int64)
    for index, entry in enumerate(COUNTRIES):
        here = country == index
        city[here] = rng.choice(len(entry.cities), int(here.sum()), p=[c.share for c in entry.cities])
    return country, city


def _people(rng: np.random.Generator, country: Ints) -> tuple[Ints, tuple[str, ...], tuple[str, ...]]:
    """Gender (1 female, 2 male), first names and family names that fit the country."""
    gender = rng.integers(1, 3, len(country))
    draws = rng.integers(0, 1_000_000, (len(country), 2))
    first, last = [], []
    for where, sex, (one, two) in zip(country, gender, draws, strict=True):
        entry = COUNTRIES[where]
        given, family = entry.given_names(female=bool(sex == 1)), entry.family_names()
        first.append(given[one % len(given)])
        last.append(family[two % len(family)])
    return gender, tuple(first), tuple(last)


def _tastes(rng: np.random.Generator, size: int) -> tuple[Ints, Floats]:
    """A main archetype a person with something of the others mixed in, and personal noise."""
    slugs = [kind.slug for kind in KINDS]
    weights = np.array([[loves.get(slug, 0.25) for slug in slugs] for _, _, loves in ARCHETYPES])
    weights /= weights.sum(axis=1, keepdims=True)
    main = rng.choice(len(ARCHETYPES), size, p=[share for _, share, _ in ARCHETYPES])
    mix = rng.dirichlet(np.full(len(ARCHETYPES), 0.6), size) * 0.35
    mix[np.arange(size), main] += 0.65
    taste = (mix @ weights) * rng.gamma(2.5, 0.4, (size, len(KINDS))) + 0.002
    return main, taste / taste.sum(axis=1, keepdims=True)


def _archetype_styles() -> Floats:
    """Where the archetypes lean on the four axes of style: technical, light, lively, traditional."""
    return np.array(
        [[0.4, 0, -0.2, 0.5], [-0.6, -0.5, 0.4, 0.3], [0.7, 0.3, 0.3, -0.4],
         [0.2, 0.9, 0.5, -0.6], [0.3, -0.3, -0.3, 0.4], [-0.6, 0, 0.2, 0.1]]
    )  # fmt: skip


def _lifetimes(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Sign-up days (a third came before the window) and the days after which customers stay away for good."""
    before = rng.random(size) < 0.36
    signup = np.where(before, -rng.exponential(320, size), HISTORY_DAYS * rng.beta(1.15, 1.0, size))
    signup = np.minimum(signup, HISTORY_DAYS - 0.5)
    one_off = rng.random(size) < 0.16
    lifetime = np.where(one_off, rng.exponential(25, size), rng.weibull(0.9, size) * 620)
    # People from before the window are the ones who lasted: their clock starts inside it.
    return signup, np.where(before, rng.weibull(0.9, size) * 620, signup + 1 + lifetime)


def _emails(rng: np.random.Generator, first: tuple[str, ...], last: tuple[str, ...]) -> tuple[str, ...]:
    """Unique addresses under the reserved example domains."""
    domains = ("example.com", "example.net", "example.org")
    made, taken = [], set()
    for index, (given, family) in enumerate(zip(first, last, strict=True)):
        stem = f"{_ascii(given)}.{_ascii(family)}"
        local = stem if stem not in taken else f"{stem}{index}"
        taken.add(local)
        made.append(f"{local}@{domains[int(rng.integers(3))]}")
    return tuple(made)


def _ascii(name: str) -> str:
    letters: dict[str, str | int | None] = {"ü": "ue", "ö": "oe", "ä": "ae", "ß": "ss", "ı": "i", "Å": "A"}
    spelled = name.translate(str.maketrans(letters))
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())


def _birth_dates(rng: np.random.Generator, size: int, today: date) -> tuple[date | None, ...]:
    """Ages 18 to 78, most in their thirties; a fifth did not say."""
    ages = (18 + 60 * rng.beta(1.9, 3.0, size)) * 365.25
    told = rng.random(size) < 0.8
    return tuple(
        today - timedelta(days=int(age)) if known else None for age, known in zip(ages, told, strict=True)
    )
