"""Four families of classifiers behind one interface. What is fitted is arrays and text, never a pickle."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from . import boosting
from .histories import Values

Arrays = Mapping[str, npt.NDArray[Any]]
QUANTILES = 101
SEED = 1


class Classifier(ABC):
    """P(target) from a matrix of features with NaN where a value is missing."""

    name: ClassVar[str]
    label: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, features: Values, target: Values) -> Classifier:
        """Learn; `target` is 0 or 1 and has both."""

    @abstractmethod
    def probability(self, features: Values) -> Values:
        """P(target = 1), a value a row."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """All that was learnt."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Arrays) -> Classifier:
        """What `arrays` gave."""


class Scaling:
    """Each column to normal scores by its quantiles, missing to 0, and one column that says it was missing."""

    def __init__(self, quantiles: Values) -> None:
        self.quantiles = quantiles

    @classmethod
    def of(cls, features: Values) -> Scaling:
        """Remember 101 quantiles of each column; of an empty one, zeros."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            quantiles = np.nanquantile(features, np.linspace(0, 1, QUANTILES), axis=0)
        return cls(np.nan_to_num(quantiles))

    def apply(self, features: Values) -> Values:
        """Twice as many columns: normal scores within ±3, then 1 where the value was missing."""
        steps = np.linspace(0, 1, QUANTILES)
        scores = np.zeros(features.shape)
        for column in range(features.shape[1]):
            known, values = self.quantiles[:, column], features[:, column]
            low = np.interp(values, known, steps)
            high = 1 - np.interp(-values, -known[::-1], steps)
            scores[:, column] = ndtri(np.clip((low + high) / 2, 0.00135, 0.99865))
        missing = np.isnan(features)
        scores[missing] = 0.0
        return np.hstack([scores, missing.astype(np.float64)])


class Logistic(Classifier):
    """Logistic regression with an L2 penalty (C = 0.05) on normal scores."""

    name, label = "logistic", "Logistic regression"

    def __init__(self, scaling: Scaling, weights: Values, intercept: float) -> None:
        self.scaling, self.weights, self.intercept = scaling, weights, intercept

    @classmethod
    def fit(cls, features: Values, target: Values) -> Logistic:
        """Learn by L-BFGS."""
        from sklearn.linear_model import LogisticRegression

        scaling = Scaling.of(features)
        found = LogisticRegression(C=0.05, max_iter=500).fit(scaling.apply(features), target)
        return cls(scaling, found.coef_[0], float(found.intercept_[0]))

    def probability(self, features: Values) -> Values:
        """1 / (1 + exp(−w·x − b))."""
        found: Values = expit(self.scaling.apply(features) @ self.weights + self.intercept)
        return found

    def arrays(self) -> Arrays:
        """Quantiles, weights, intercept."""
        intercept = np.array([self.intercept])
        return {"quantiles": self.scaling.quantiles, "weights": self.weights, "intercept": intercept}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Logistic:
        """What `arrays` gave."""
        return cls(Scaling(arrays["quantiles"]), arrays["weights"], float(arrays["intercept"][0]))


class Network(Classifier):
    """A neural network with one hidden layer of 16 rectified units, stopped early."""

    name, label = "network", "Neural network"

    def __init__(self, scaling: Scaling, layers: list[tuple[Values, Values]]) -> None:
        self.scaling, self.layers = scaling, layers

    @classmethod
    def fit(cls, features: Values, target: Values) -> Network:
        """Learn by Adam until a tenth that is held back improves no more."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        scaling = Scaling.of(features)
        network = MLPClassifier(
            (16,), alpha=3.0, learning_rate_init=0.003, early_stopping=True, max_iter=100, random_state=SEED
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = network.fit(scaling.apply(features), target)
        return cls(scaling, list(zip(found.coefs_, found.intercepts_, strict=True)))

    def probability(self, features: Values) -> Values:
        """Forward through the layers, a logistic unit last."""
        signal = self.scaling.apply(features)
        for weights, intercepts in self.layers[:-1]:
            signal = np.maximum(signal @ weights + intercepts, 0)
        weights, intercepts = self.layers[-1]
        found: Values = expit(signal @ weights + intercepts)[:, 0]
        return found

    def arrays(self) -> Arrays:
        """Quantiles, and weights and intercepts of each layer."""
        named: dict[str, Values] = {"quantiles": self.scaling.quantiles}
        for at, (weights, intercepts) in enumerate(self.layers):
            named[f"weights_{at}"], named[f"intercepts_{at}"] = weights, intercepts
        return named

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Network:
        """What `arrays` gave."""
        count = (len(arrays) - 1) // 2
        layers = [(arrays[f"weights_{at}"], arrays[f"intercepts_{at}"]) for at in range(count)]
        return cls(Scaling(arrays["quantiles"]), layers)


class _Ensemble(Classifier):
    parameters: ClassVar[dict[str, Any]]
    rounds: ClassVar[int]

    def __init__(self, trees: boosting.Trees) -> None:
        self.trees = trees

    @classmethod
    def fit(cls, features: Values, target: Values) -> _Ensemble:
        """Grow the trees, leaves not smaller than a hundredth of the rows, 30 at most and 5 at least."""
        leaf = max(5, min(30, len(target) // 100))
        parameters = {"objective": "binary", "min_data_in_leaf": leaf, **cls.parameters}
        return cls(boosting.fit(features, target, rounds=cls.rounds, **parameters))

    def probability(self, features: Values) -> Values:
        """What the trees say together."""
        return self.trees.predict(features)

    def arrays(self) -> Arrays:
        """LightGBM's text as bytes."""
        return {"text": np.frombuffer(self.trees.text.encode(), dtype=np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> _Ensemble:
        """What `arrays` gave."""
        return cls(boosting.Trees(arrays["text"].tobytes().decode()))


class Boosting(_Ensemble):
    """Gradient-boosted trees: 120 small ones, each for what those before it got wrong."""

    name, label = "boosting", "Gradient boosting"
    rounds = 120
    parameters: ClassVar = {
        "learning_rate": 0.03,
        "num_leaves": 7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.6,
        "lambda_l2": 10,
    }


class Forest(_Ensemble):
    """A random forest: 200 trees, each on a part of the rows, each split from a part of the columns."""

    name, label = "forest", "Random forest"
    rounds = 200
    parameters: ClassVar = {
        "boosting": "rf",
        "num_leaves": 31,
        "bagging_fraction": 0.632,
        "bagging_freq": 1,
        "feature_fraction_bynode": 0.3,
    }


FAMILIES: dict[str, type[Classifier]] = {one.name: one for one in (Logistic, Forest, Boosting, Network)}
