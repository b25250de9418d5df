"""What arguments must be: a ValueError that names the one that is not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]


def shares(**values: float) -> None:
    """Each must lie strictly between 0 and 1, as alpha, power and levels do."""
    for name, value in values.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {value}")


def positives(**values: float) -> None:
    """Each must be a finite number above zero."""
    for name, value in values.items():
        if not (value > 0 and np.isfinite(value)):
            raise ValueError(f"{name} must be a positive number, not {value}")


def critical(alpha: float) -> float:
    """The two-sided critical value of a standard normal statistic: 1.96 for an alpha of 0.05."""
    shares(alpha=alpha)
    return float(-ndtri(alpha / 2))


def counts(
    *, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """Successes and sizes of two arms as floats of one shape; every size positive, no success without a trial."""
    one, size1, two, size2 = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (x1, n1, x2, n2))
    )
    for arm, successes, trials in (("1", one, size1), ("2", two, size2)):
        if not np.all(trials > 0):
            raise ValueError(f"n{arm} must be positive everywhere")
        if not np.all((successes >= 0) & (successes <= trials)):
            raise ValueError(f"x{arm} must lie between 0 and n{arm} everywhere")
    return one, size1, two, size2


def p_values(name: str, values: Sequence[float]) -> Floats:
    """The values as an array where each lies between 0 and 1; an empty sequence is one."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.all((array >= 0) & (array <= 1)):
        raise ValueError(f"{name} must be numbers between 0 and 1, not {list(values)}")
    return array
