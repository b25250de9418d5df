"""Beta posteriors: chances and losses to show beside a test, and the weights of a bandit.

P(best) is no stopping rule: acted on whenever it looks good it names false winners in a third of all experiments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, betaln, xlog1py, xlogy

from experiments.stats.arguments import Floats, positives, shares
from experiments.stats.interval import Interval
from experiments.stats.proportions import Proportion

_NODES = 48
_TAILS = (1e-14, 1e-6, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1e-6, 1 - 1e-14)


@dataclass(frozen=True, slots=True)
class BetaPosterior:
    """What is known of a rate: Beta(successes + prior, failures + prior); both positive."""

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        positives(alpha=self.alpha, beta=self.beta)

    @property
    def mean(self) -> float:
        """The expected rate."""
        return self.alpha / (self.alpha + self.beta)


def posterior(sample: Proportion, *, prior_alpha: float = 1.0, prior_beta: float = 1.0) -> BetaPosterior:
    """The posterior of a rate from a Beta prior, uniform unless told otherwise; an empty arm leaves the prior."""
    positives(prior_alpha=prior_alpha, prior_beta=prior_beta)
    return BetaPosterior(prior_alpha + sample.successes, prior_beta + sample.trials - sample.successes)


def credible_interval(arm: BetaPosterior, *, level: float = 0.95) -> Interval:
    """The equal-tailed interval that holds the rate with probability `level`."""
    shares(level=level)
    tail = (1 - level) / 2
    low, high = betaincinv(arm.alpha, arm.beta, [tail, 1 - tail])
    return Interval(arm.mean, float(low), float(high), level)


def probability_beats(treatment: BetaPosterior, control: BetaPosterior) -> float:
    """P(treatment's rate > control's): ∫ f₁F₂. Source: Gelman et al. (2013), Bayesian Data Analysis, 2.4."""
    return float(probability_best([treatment, control])[0])


def probability_best(arms: Sequence[BetaPosterior]) -> tuple[float, ...]:
    """P(this arm's rate is the highest of all), in the given order: ∫ fᵢ ∏ⱼ≠ᵢ Fⱼ; they add up to 1."""
    _some(arms)
    at, weights = _grid(arms)
    below = _distributions(arms, at)
    chances = []
    for index, arm in enumerate(arms):
        others = np.delete(below, index, axis=0).prod(axis=0)
        chances.append(float(weights @ (_density(arm, at) * others)))
    total = sum(chances)
    return tuple(chance / total for chance in chances)


def expected_loss(arms: Sequence[BetaPosterior]) -> tuple[float, ...]:
    """What choosing an arm is expected to cost, E[highest rate − this rate], in the given order.

    E[max] = 1 − ∫₀¹ ∏ Fⱼ. Source: Chris Stucchio (2015), "Bayesian A/B testing at VWO", for two arms.
    """
    _some(arms)
    at, weights = _grid(arms)
    highest = _edges(arms)[0] + float((1 - _distributions(arms, at).prod(axis=0)) @ weights)
    return tuple(max(highest - arm.mean, 0.0) for arm in arms)


def thompson_weights(
    arms: Sequence[BetaPosterior], *, whole: int = 10_000, least: int = 0
) -> tuple[int, ...]:
    """Integer weights that add up to `whole`: each arm's chance to be best, none below `least`.

    Allocating by P(best) is Thompson sampling in batches. Source: Thompson (1933), Biometrika 25, 285–294. Rounded
    by largest remainder, the earlier arm first.
    """
    if least < 0 or least * len(arms) > whole:
        raise ValueError(f"least must leave {len(arms)} arms within {whole}, not {least}")
    exact = least + np.array(probability_best(arms)) * (whole - least * len(arms))
    weights = np.floor(exact).astype(int)
    remainders = np.argsort(weights - exact, kind="stable")
    weights[remainders[: whole - int(weights.sum())]] += 1
    return tuple(int(weight) for weight in weights)


def _some(arms: Sequence[BetaPosterior]) -> None:
    if not arms:
        raise ValueError("arms must hold at least one posterior")


def _edges(arms: Sequence[BetaPosterior]) -> Floats:
    """Where the posteriors' mass lies: their quantiles, ascending."""
    return np.unique([betaincinv(arm.alpha, arm.beta, tail) for arm in arms for tail in _TAILS])


def _grid(arms: Sequence[BetaPosterior]) -> tuple[Floats, Floats]:
    """Gauss–Legendre nodes and weights between each two edges, so that narrow posteriors are not missed."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = _edges(arms)
    half = np.diff(edges)[:, None] / 2
    at = edges[:-1, None] + half * (1 + nodes)
    return at.ravel(), (half * weights).ravel()


def _density(arm: BetaPosterior, at: Floats) -> Floats:
    logarithm = xlogy(arm.alpha - 1, at) + xlog1py(arm.beta - 1, -at) - betaln(arm.alpha, arm.beta)
    return np.asarray(np.exp(logarithm))


def _distributions(arms: Sequence[BetaPosterior], at: Floats) -> Floats:
    """The probability (arms, nodes) that each arm's rate lies below each node."""
    return np.stack([betainc(arm.alpha, arm.beta, at) for arm in arms])
