"""Which engines there are, by name, with the parameters that a model version keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recommendations.engines.base import Engine
from recommendations.engines.blend import Blend
from recommendations.engines.group_popularity import PopularityByGroup, PopularityInCategories
from recommendations.engines.item_knn import ItemKnn
from recommendations.engines.lightfm_hybrid import LightFMHybrid, Progress
from recommendations.engines.popularity import Popularity
from recommendations.engines.single import Ease, OwnHistory, RulePairs, SequentialKnn
from recommendations.engines.two_stage import HoldBack, TwoStage

DEFAULT_ENGINE = "blend"
TWO_STAGE = "two_stage"
LABELS = {
    "popularity": "Popularity",
    "popularity_by_group": "Popularity by country and sign-up data",
    "popularity_in_categories": "Popularity in one's categories",
    "own_history": "Bought before",
    "item_knn": "Item neighbours",
    "sequential_knn": "Sequential neighbours",
    "ease": "Linear model (EASE)",
    "rule_pairs": "Rules of pairs",
    "lightfm": "LightFM",
    "blend": "LightFM blended with item neighbours",
    TWO_STAGE: "Candidates ranked by LambdaMART",
}
ENGINES = tuple(LABELS)
_PLAIN: dict[str, Callable[..., Engine]] = {
    "popularity": Popularity,
    "popularity_by_group": PopularityByGroup,
    "popularity_in_categories": PopularityInCategories,
    "own_history": OwnHistory,
    "item_knn": ItemKnn,
    "sequential_knn": SequentialKnn,
    "ease": Ease,
    "rule_pairs": RulePairs,
    TWO_STAGE: TwoStage,
}


def build_engine(
    name: str, parameters: dict[str, Any] | None = None, *, progress: Progress | None = None
) -> Engine:
    """The engine called `name`, with the stored `parameters` of an earlier version or today's defaults.

    Raises ValueError for an unknown name. `progress(done, total)` is called after each epoch of LightFM.
    """
    given = dict(parameters or {})
    if name in _PLAIN:
        return _PLAIN[name](**given)
    if name == "lightfm":
        return LightFMHybrid(**given, progress=progress)
    if name == "blend":
        parts = given.pop("engines", {})
        engines = [build_engine(part, parts.get(part), progress=progress) for part in ("lightfm", "item_knn")]
        return Blend(tuple(engines), **given)
    raise ValueError(f"There is no engine called {name!r}; there are {', '.join(ENGINES)}.")


def engine_for(name: str, *, hold_back: HoldBack, window_days: float, repeats: bool) -> Engine:
    """The engine called `name` for a task: the one that learns to rank learns on the task's own kind of question."""
    if name == TWO_STAGE:
        return TwoStage(hold_back=hold_back, window_days=window_days, repeats=repeats)
    return build_engine(name)
