"""The arms of an imported experiment as they are kept: sums in integers, read back exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import slugify

from experiments.importing.counting import ArmSums
from experiments.importing.mapping import EQUAL, UNKNOWN, ImportedMetric, ImportProblem
from experiments.stats.means import MeanSample
from experiments.stats.pairs import PairedSums
from experiments.stats.proportions import Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSums:
    """Σy, Σy² and Σxy of one metric over an arm, and how many of its customers have some (y ≠ 0)."""

    total: int
    squares: int
    products: int
    some: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedArm:
    """One arm. `share` is what was planned for it in any unit, None where the plan is not known.

    `before` and `before_squares` are Σx and Σx² of what was known before the start, None where nothing was.
    """

    key: str
    name: str
    n: int
    share: float | None
    before: int | None
    before_squares: int | None
    sums: dict[str, ImportedSums]

    def rate(self, metric: ImportedMetric) -> Proportion:
        """How many of the customers did it."""
        return Proportion(self.sums[metric.name].total, self.n)

    def mean(self, metric: ImportedMetric) -> MeanSample:
        """Value per customer, in the integers that are kept."""
        sums = self.sums[metric.name]
        return MeanSample(self.n, sums.total, sums.squares)

    def value(self, metric: ImportedMetric) -> float:
        """Value per customer: a share, minor units, or the number itself."""
        return self.sums[metric.name].total / self.n * metric.unit

    def paired(self, metric: ImportedMetric) -> PairedSums | None:
        """The metric beside what was known before, for CUPED; None where nothing was."""
        if self.before is None or self.before_squares is None:
            return None
        sums = self.sums[metric.name]
        return PairedSums(self.n, self.before, sums.total, self.before_squares, sums.squares, sums.products)


def arms_of(
    counted: Sequence[ArmSums], metrics: Sequence[ImportedMetric], *, split: str, has_before: bool
) -> list[ImportedArm]:
    """Counted sums as arms with keys of their own; `split` is as for `planned_shares`."""
    shares = planned_shares(split, [arm.name for arm in counted])
    arms: list[ImportedArm] = []
    for arm, share in zip(counted, shares, strict=True):
        sums = {
            metric.name: ImportedSums(
                total=one.total, squares=one.squares, products=one.products, some=one.some
            )
            for metric, one in zip(metrics, arm.metrics, strict=True)
        }
        arms.append(
            ImportedArm(
                key=_key(arm.name, {one.key for one in arms}),
                name=arm.name,
                n=arm.n,
                share=share,
                before=arm.before if has_before else None,
                before_squares=arm.before_squares if has_before else None,
                sums=sums,
            )
        )
    return arms


def planned_shares(split: str, names: Sequence[str]) -> list[float | None]:
    """What share of all was planned for each arm: `equal`, `unknown`, or `A=45, B=45, no mail=10`.

    Raises ImportProblem where an arm is missing, unknown or without a positive share.
    """
    if split == EQUAL:
        return [1.0] * len(names)
    if split == UNKNOWN:
        return [None] * len(names)
    shares: dict[str, float] = {}
    for part in split.split(","):
        name, _, share = part.rpartition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise ImportProblem(f"“{part.strip()}” is no planned share: write {names[0]}=50.") from None
    if set(shares) != set(names) or not all(0 < share < float("inf") for share in shares.values()):
        raise ImportProblem(f"Plan a share above 0 for each arm, and no other: {', '.join(names)}.")
    return [shares[name] for name in names]


def written(arms: Sequence[ImportedArm]) -> list[dict[str, Any]]:
    """The arms as JSON-ready values; integers stay exact."""
    return [
        {
            "key": arm.key,
            "name": arm.name,
            "n": arm.n,
            "share": arm.share,
            "before": arm.before,
            "before_squares": arm.before_squares,
            "sums": {
                name: [one.total, one.squares, one.products, one.some] for name, one in arm.sums.items()
            },
        }
        for arm in arms
    ]


def read(document: Sequence[dict[str, Any]]) -> list[ImportedArm]:
    """The arms that `written` wrote."""
    names = ("total", "squares", "products", "some")
    return [
        ImportedArm(
            **{name: value for name, value in arm.items() if name != "sums"},
            sums={
                name: ImportedSums(**dict(zip(names, values, strict=True)))
                for name, values in arm["sums"].items()
            },
        )
        for arm in document
    ]


def _key(name: str, taken: set[str]) -> str:
    stem = slugify(name)[:45] or "arm"
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(one for one in candidates if one not in taken)
