"""The catalogue of the generated shop: a category tree and 400 products with names, prices and styles."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from demo.kinds import KINDS, Kind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# name, price level (0 cheap – 1 dear), and where the brand stands on four axes of style:
# technical, light, lively colours, traditional.
BRANDS: tuple[tuple[str, float, tuple[float, float, float, float]], ...] = (
    ("Norrvik", 0.85, (0.9, 0.2, -0.3, 0.4)),
    ("Aldergate", 0.45, (-0.4, -0.3, -0.4, 1.0)),
    ("Fjellrand", 0.70, (0.6, -0.2, 0.1, 0.5)),
    ("Kestrel & Pine", 0.55, (-0.6, -0.1, 0.6, 0.6)),
    ("Torrent", 0.60, (0.5, 0.9, 0.5, -0.6)),
    ("Halden", 0.35, (-0.2, -0.4, -0.2, 0.1)),
    ("Cairnside", 0.25, (-0.5, -0.2, 0.2, -0.1)),
    ("Lumen Peak", 0.90, (1.0, 0.6, 0.0, -0.7)),
    ("Ostra", 0.75, (0.3, 1.0, -0.2, -0.4)),
    ("Wildmark", 0.15, (-0.7, -0.5, 0.7, -0.2)),
    ("Saltholm", 0.50, (0.0, 0.3, 0.8, 0.0)),
    ("Verdal", 0.40, (0.2, 0.1, -0.6, 0.3)),
)

MODELS = [
    "Tarn",
    "Skarn",
    "Corrie",
    "Moraine",
    "Arête",
    "Cirque",
    "Sastrugi",
    "Fell",
    "Gable",
    "Rannoch",
    "Solund",
    "Lochan",
    "Brae",
    "Vidda",
    "Juniper",
    "Heather",
    "Osprey",
    "Plover",
    "Merlin",
    "Curlew",
    "Harrier",
    "Larch",
    "Rowan",
    "Alder",
    "Birch",
    "Ember",
    "Drift",
    "Squall",
    "Haar",
    "Thaw",
    "Ridgeline",
    "Switchback",
    "Traverse",
    "Summit",
    "Basecamp",
    "Outpost",
    "Waymark",
    "Longfell",
    "Stillwater",
    "Highmoor",
    "Eastwind",
    "Northing",
    "Meridian",
    "Contour",
    "Scree",
    "Granite",
    "Slate",
    "Basalt",
    "Ochre",
    "Fern",
    "Sedge",
    "Bracken",
    "Tideline",
    "Skerry",
    "Fjord",
    "Nunatak",
    "Glacier",
    "Pass",
    "Bealach",
    "Saddle",
]

COLOURS: tuple[str, ...] = ("Moss", "Rust", "Ocean", "Sun", "Plum", "Slate", "Berry", "Teal")

LIVELINESS: Floats = np.array([-0.3, 0.2, 0.0, 0.9, 0.4, -0.8, 0.8, 0.3])


@dataclass(frozen=True)
class Product:
    """One product. `price_minor` in EUR cents, `colour` indexes COLOURS, `shape` varies the drawing."""

    sku: str
    name: str
    brand: str
    kind: int
    price_minor: int
    colour: int
    shape: int
    gender: str
    description: str


@dataclass(frozen=True)
class Catalogue:
    """Products with what decides their appeal: `kind` (p,), `style` (p, 4), `tier` (p,) price standing within
    the kind in about −1.5…1.5, `popularity` (p,) log scale, `price_minor` (p,), `fit` (p,) is 0 for
    anybody, 1 for women, 2 for men."""

    products: tuple[Product, ...]
    kind: Ints
    style: Floats
    tier: Floats
    popularity: Floats
    price_minor: Ints
    fit: Ints

    def of_kind(self, kind: int) -> Ints:
        """Indexes of the products in a leaf category."""
        return np.flatnonzero(self.kind == kind)


def season_weights(*, southern: bool = False) -> Floats:
    """Demand by month and kind, shape (12, kinds), mean about 1 over the year."""
    months = np.arange(1, 13)[:, None] + (6 if southern else 0)
    peaks = np.array([kind.peak_month for kind in KINDS])
    strength = np.array([kind.season if kind.peak_month else 0.0 for kind in KINDS])
    weights = np.exp(strength * np.cos(2 * np.pi * (months - peaks) / 12))
    return np.asarray(weights / weights.mean(axis=0))


def build_catalogue(*, seed: int, size: int = 400) -> Catalogue:
    """The same `size` products for the same seed."""
    rng = np.random.default_rng([seed, 1])
    kinds = _kinds(size)
    brands, colours = _brands(rng, kinds), rng.integers(0, len(COLOURS), size)
    level = np.array([brand[1] for brand in BRANDS])[brands]
    standing = np.clip(0.65 * level + 0.35 * rng.beta(2, 2, size) + rng.normal(0, 0.06, size), 0, 1)
    price = _prices(kinds, standing)
    products = _products(rng, kinds=kinds, brands=brands, colours=colours, price=price)
    style = np.array([brand[2] for brand in BRANDS])[brands] + rng.normal(0, 0.25, (size, 4))
    style[:, 2] += LIVELINESS[colours]
    popularity = rng.gumbel(0, 0.36, size) - 0.5 * (standing - 0.4)
    fit = np.array([("", "female", "male").index(product.gender) for product in products])
    return Catalogue(products, kinds, style, (standing - 0.5) * 3, popularity, price, fit)


def _kinds(size: int) -> Ints:
    """Leaf categories of the products in order, by share, each with at least one product."""
    shares = np.array([kind.share for kind in KINDS], dtype=float)
    edges = np.round(np.cumsum(shares) / shares.sum() * size).astype(np.int64)
    return np.repeat(np.arange(len(KINDS)), np.diff(edges, prepend=0))


def _brands(rng: np.random.Generator, kinds: Ints) -> Ints:
    """A brand for each product; a brand is at home in some parts of the shop and absent from others."""
    presence = rng.random((len(BRANDS), len(KINDS))) ** 2 + 0.02
    cumulative = np.cumsum(presence / presence.sum(axis=0), axis=0)
    return np.asarray((rng.random(len(kinds)) > cumulative[:, kinds]).sum(axis=0).clip(0, len(BRANDS) - 1))


def _prices(kinds: Ints, standing: Floats) -> Ints:
    """EUR cents ending in .95 (.90 under 20 EUR), between the kind's bounds on a log scale."""
    low = np.array([kind.price_low for kind in KINDS], dtype=float)[kinds]
    high = np.array([kind.price_high for kind in KINDS], dtype=float)[kinds]
    euros = low * (high / low) ** standing
    step = np.where(euros >= 100, 10, np.where(euros >= 40, 5, 1))
    rounded = np.maximum(np.round(euros / step) * step, step)
    return np.asarray(rounded * 100 - np.where(euros < 20, 10, 5), dtype=np.int64)


def _products(
    rng: np.random.Generator, *, kinds: Ints, brands: Ints, colours: Ints, price: Ints
) -> tuple[Product, ...]:
    taken: set[str] = set()
    order = rng.permutation(len(MODELS))
    made = []
    for index, kind_index in enumerate(kinds):
        kind, brand = KINDS[kind_index], BRANDS[brands[index]][0]
        spec = kind.specs[int(rng.integers(len(kind.specs)))]
        name = _free_name(kind, brand, spec, start=int(rng.integers(len(MODELS))), order=order, taken=taken)
        made.append(
            Product(
                sku=f"{kind.slug[:3].upper()}-{1000 + index}",
                name=name,
                brand=brand,
                kind=int(kind_index),
                price_minor=int(price[index]),
                colour=int(colours[index]),
                shape=int(rng.integers(2)),
                gender={"Men's": "male", "Women's": "female"}.get(spec, ""),
                description=f"{kind.pitch} Colour: {COLOURS[colours[index]].lower()}.",
            )
        )
    return tuple(made)


def _free_name(kind: Kind, brand: str, spec: str, *, start: int, order: Ints, taken: set[str]) -> str:
    """A brand and model that the shop does not sell yet; the specification ends the name."""
    for step in range(len(MODELS)):
        model = MODELS[order[(start + step) % len(MODELS)]]
        if f"{brand} {model}" not in taken or step == len(MODELS) - 1:
            taken.add(f"{brand} {model}")
            break
    if spec.endswith("'s"):
        return f"{brand} {model} {spec} {kind.noun}"
    return f"{brand} {model} {kind.noun} {spec}"
