"""Which engines there are, by name, with the parameters that a model version keeps."""

from __future__ import annotations

from typing import Any

from recommendations.engines.base import Engine
from recommendations.engines.blend import Blend
from recommendations.engines.item_knn import ItemKnn
from recommendations.engines.lightfm_hybrid import LightFMHybrid, Progress

DEFAULT_ENGINE = "blend"
LABELS = {
    "lightfm": "LightFM",
    "item_knn": "Item neighbours",
    "blend": "LightFM blended with item neighbours",
    "popularity": "Popularity",
}
ENGINES = ("lightfm", "item_knn", "blend")


def build_engine(
    name: str, parameters: dict[str, Any] | None = None, *, progress: Progress | None = None
) -> Engine:
    """The engine called `name`, with the stored `parameters` of an earlier version or today's defaults.

    Raises ValueError for an unknown name. `progress(done, total)` is called after each epoch of LightFM.
    """
    given = dict(parameters or {})
    if name == "lightfm":
        return LightFMHybrid(**given, progress=progress)
    if name == "item_knn":
        return ItemKnn(**given)
    if name == "blend":
        parts = given.pop("engines", {})
        engines = [build_engine(part, parts.get(part), progress=progress) for part in ("lightfm", "item_knn")]
        return Blend(tuple(engines), **given)
    raise ValueError(f"There is no engine called {name!r}; there are {', '.join(ENGINES)}.")
