"""Popularity among one's like: what sells to those with the same sign-up data, and in one's own categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .base import Features, FeatureTable, IntArray
from .history import History
from .one_signal import OneSignal
from .signals import FeatureTrend, GroupTrend
from .similarity import unit_features


@dataclass(frozen=True, slots=True)
class PopularityByGroup(OneSignal):
    """What those take who share a user's features (country, gender, device): the mean of the groups' shares.

    It needs no past: a new customer is ranked for by what they said when they signed up. Sums are halved for each
    `half_life_days` of age.
    """

    half_life_days: float = 14.0
    name: ClassVar[str] = "popularity_by_group"

    def signal(self, history: History, features: Features, item_ids: IntArray) -> GroupTrend:
        """Count by group; features of users alone are used."""
        return GroupTrend.of(self.name, history, features.users, half_life_days=self.half_life_days)


@dataclass(frozen=True, slots=True)
class PopularityInCategories(OneSignal):
    """What sells in the categories that a user had to do with, the latest counting most; new products of those
    categories follow.

    Categories are the items' features of the kind `kind` (`category:camping/tents`). A past item counts `decay` for
    each later moment. Sums are halved for each `half_life_days` of age; a product that nobody had counts
    `newcomer`.
    """

    kind: str = "category"
    half_life_days: float = 14.0
    decay: float = 0.75
    newcomer: float = 0.01
    name: ClassVar[str] = "popularity_in_categories"
    takes_new_items: ClassVar[bool] = True

    def signal(self, history: History, features: Features, item_ids: IntArray) -> FeatureTrend:
        """Count by category; features of items alone are used."""
        groups = unit_features(_of_kind(features.items, self.kind), item_ids)
        sold = np.asarray(history.matrix(history.decayed(self.half_life_days)).sum(axis=0)).ravel()
        return FeatureTrend.of(self.name, groups, (sold + self.newcomer).astype(np.float32), decay=self.decay)


def _of_kind(table: FeatureTable, kind: str) -> FeatureTable:
    wanted = np.array([name.startswith(f"{kind}:") for name in table.names], dtype=np.bool_)
    kept = wanted[table.columns] if len(wanted) else np.zeros(len(table.columns), dtype=np.bool_)
    return FeatureTable(table.names, table.ids[kept], table.columns[kept], table.weights[kept])
