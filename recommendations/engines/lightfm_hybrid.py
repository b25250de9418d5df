"""LightFM: customers and products as sums of their features' vectors, trained with the WARP loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from .base import (
    Exclusions,
    Features,
    FeatureTable,
    FloatArray,
    IntArray,
    Interactions,
    Ranking,
    Vocabulary,
    positions,
)
from .popularity import Popularity
from .ranking import top_k_inner_product

if TYPE_CHECKING:
    from lightfm import LightFM
    from scipy.sparse import csr_matrix

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LightFMModel:
    """Vectors of items and of user features. `user_vectors` are held in memory only, never stored.

    A score is `user_vector · item_vector + item_bias`; the bias already contains the trend.
    """

    item_ids: IntArray
    item_vectors: FloatArray
    item_biases: FloatArray
    user_feature_names: tuple[str, ...]
    user_feature_vectors: FloatArray
    user_ids: IntArray
    user_vectors: FloatArray

    def seen(self, history: Interactions) -> LightFMModel:
        """Itself: a user's vector changes with the next training only."""
        return self

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        """The `k` best items for each of `users`; those not trained on are ranked by item bias alone."""
        vectors = self.vectors(users)
        ones = np.ones((len(vectors), 1), dtype=np.float32)
        queries = np.hstack([vectors, ones])
        items = np.hstack([self.item_vectors, self.item_biases[:, None]])
        return top_k_inner_product(queries, items, self.item_ids, k, exclude)

    def vectors(self, users: IntArray) -> FloatArray:
        """One vector per user, zero for users the model was not trained on."""
        zero = np.zeros((1, self.item_vectors.shape[1]), dtype=np.float32)
        known = np.vstack([self.user_vectors, zero])
        return known[positions(self.user_ids, users)]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Item vectors and biases, and the vectors of user features; no vector of a person."""
        return {
            "item_ids": self.item_ids,
            "item_vectors": self.item_vectors,
            "item_biases": self.item_biases,
            "user_feature_names": np.array(self.user_feature_names, dtype=np.str_),
            "user_feature_vectors": self.user_feature_vectors,
        }


@dataclass(frozen=True, slots=True)
class LightFMHybrid:
    """Kula 2015, "Metadata embeddings for user and item cold-start recommendations", with the WARP loss
    (Weston et al. 2011, "WSABIE").

    Every user and item has a feature of its own beside the shared ones. Sample weights are the decayed weights of
    a pair: below `least_weight` it is not learned from, others are kept between `weight_floor` and
    `weight_ceiling`. `trend_weight` × log(trend) is added to the item biases after training. One thread and a
    seed: the same input gives the same model.
    """

    components: int = 64
    epochs: int = 10
    learning_rate: float = 0.05
    max_sampled: int = 10
    half_life_days: float = 120.0
    least_weight: float = 0.02
    weight_floor: float = 0.1
    weight_ceiling: float = 3.0
    feature_scale: float = 0.2
    trend_weight: float = 0.7
    trend_half_life_days: float = 14.0
    seed: int = 1
    progress: Progress | None = field(default=None, repr=False, compare=False)
    name: ClassVar[str] = "lightfm"

    def fit(self, interactions: Interactions, features: Features) -> LightFMModel:
        """Learn from `interactions` and the features of users and items."""
        vocabulary = Vocabulary.of(interactions)
        user_features = self._with_identity(vocabulary.user_ids, features.users)
        item_features = self._with_identity(vocabulary.item_ids, features.items)
        trained = self._train(vocabulary, interactions, user_features, item_features)
        _, user_vectors = trained.get_user_representations(user_features)
        item_biases, item_vectors = trained.get_item_representations(item_features)
        trend = Popularity(self.trend_half_life_days).fit(interactions, features).item_scores
        biases = np.asarray(item_biases) + self.trend_weight * np.log(trend + 0.5)
        return LightFMModel(
            item_ids=vocabulary.item_ids,
            item_vectors=np.asarray(item_vectors, dtype=np.float32),
            item_biases=np.asarray(biases, dtype=np.float32),
            user_feature_names=features.users.names,
            user_feature_vectors=self._shared_vectors(trained, len(vocabulary.user_ids)),
            user_ids=vocabulary.user_ids,
            user_vectors=np.asarray(user_vectors, dtype=np.float32),
        )

    def _shared_vectors(self, trained: LightFM, identities: int) -> FloatArray:
        shared = trained.user_embeddings[identities:] * self.feature_scale
        return np.asarray(shared, dtype=np.float32)

    def _train(
        self,
        vocabulary: Vocabulary,
        interactions: Interactions,
        user_features: csr_matrix[np.float32],
        item_features: csr_matrix[np.float32],
    ) -> LightFM:
        from lightfm import LightFM

        sums = vocabulary.matrix(interactions.decayed(self.half_life_days))
        sums.data[sums.data < self.least_weight] = 0
        sums.eliminate_zeros()
        pairs = sums.tocoo()
        weights = pairs.copy()
        weights.data = np.clip(pairs.data, self.weight_floor, self.weight_ceiling).astype(np.float32)
        pairs.data = np.ones_like(weights.data)
        trained = LightFM(
            no_components=self.components,
            loss="warp",
            learning_rate=self.learning_rate,
            max_sampled=self.max_sampled,
            random_state=self.seed,
        )
        for epoch in range(self.epochs):
            trained.fit_partial(
                pairs,
                user_features=user_features,
                item_features=item_features,
                sample_weight=weights,
                epochs=1,
                num_threads=1,
            )
            if self.progress is not None:
                self.progress(epoch + 1, self.epochs)
        return trained

    def _with_identity(self, ids: IntArray, table: FeatureTable) -> csr_matrix[np.float32]:
        from scipy.sparse import csr_matrix, hstack, identity

        rows = positions(ids, table.ids)
        known = rows >= 0
        values = table.weights[known] * self.feature_scale
        coordinates = (rows[known], table.columns[known])
        shared = csr_matrix((values, coordinates), shape=(len(ids), len(table.names)), dtype=np.float32)
        own = identity(len(ids), dtype=np.float32, format="csr")
        stacked: csr_matrix[np.float32] = hstack([own, shared], format="csr", dtype=np.float32)
        return stacked

    def parameters(self) -> dict[str, Any]:
        """All settings that the result depends on."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "progress"}
