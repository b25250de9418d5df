"""How fast everybody's best products are found, in how much memory, and how fast they are written.

`python -m bench.recommend [CUSTOMERS] [PRODUCTS] [INTERACTIONS]` (100,000, 10,000 and 5,000,000 where nothing is said)
makes a shop of the imagination, on one thread, and prints

- *epoch*: an epoch of LightFM as trained here, against the library's own on the same matrix
- *top 20*: the exact 20 best for everybody, against `predict` for one user after the other (a sample of them)
  and against the bare matrix product by BLAS that any exact method has to do
- *memory*: the most that the process held up to there
- *writing*: a row for each customer into an embedded PostgreSQL, and the same scaled to a million
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from recommendations.engines.base import (
    Exclusions,
    Features,
    FloatArray,
    IntArray,
    Interactions,
    Ranking,
    Vocabulary,
)
from recommendations.engines.lightfm_hybrid import LightFMHybrid, LightFMModel
from recommendations.engines.ranking import top_k_inner_product

COMPONENTS, K, KEPT = 64, 20, 50
SAMPLE = 300
CHUNK = 1024
ROUNDS = 3
TASTES = 50
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> None:
    """Make, measure and print; begins anew where threads were not limited before NumPy was loaded."""
    if not ONE_THREAD.items() <= os.environ.items():
        os.execve(  # noqa: S606 (this very script, no shell wanted)
            sys.executable,
            [sys.executable, "-m", "bench.recommend", *sys.argv[1:]],
            {**os.environ, **ONE_THREAD},
        )
    sizes = [int(text.replace(",", "")) for text in sys.argv[1:]]
    customers, products, count = (*sizes, *(100_000, 10_000, 5_000_000)[len(sizes) :])
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{customers:,} customers, {products:,} products, {count:,} interactions, one thread")
    interactions = _interactions(customers, products, count)
    model, library = _epoch(interactions)
    _top(model, library)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"memory: at most {peak:.2f} GB")
    _write(customers, products)


def _interactions(customers: int, products: int, count: int) -> Interactions:
    """Customers of some taste each, who mostly take what their taste likes."""
    generator = np.random.default_rng(1)
    users = generator.integers(0, customers, count)
    liked = users % TASTES + TASTES * generator.integers(0, max(products // TASTES, 1), count)
    anything = generator.integers(0, products, count)
    items = np.where(generator.random(count) < 0.7, liked % products, anything)
    times = generator.integers(0, 86_400 * 365, count)
    return Interactions(
        users, items, np.ones(count, dtype=np.float32), times, 86_400 * 365, np.ones(count, dtype=np.bool_)
    )


def _epoch(interactions: Interactions) -> tuple[LightFMModel, Any]:
    """The second epoch of each, so that preparing is in neither."""
    from lightfm import LightFM

    ends: list[float] = []
    engine = LightFMHybrid(
        components=COMPONENTS, epochs=2, progress=lambda done, total: ends.append(time.perf_counter())
    )
    model = engine.fit(interactions, Features())
    vocabulary = Vocabulary.of(interactions)
    pairs = vocabulary.matrix(np.ones(len(interactions), dtype=np.float32)).tocoo()
    pairs.data[:] = 1
    library = LightFM(no_components=COMPONENTS, loss="warp", random_state=1)
    library.fit_partial(pairs, epochs=1, num_threads=1)
    theirs, _ = _timed(lambda: library.fit_partial(pairs, epochs=1, num_threads=1))
    ours = ends[1] - ends[0]
    print(f"epoch: {ours:.1f} s, the library's own {theirs:.1f} s: {ours / theirs:.2f} to 1")
    return model, library


def _top(model: LightFMModel, library: Any) -> None:
    queries = np.hstack([model.user_vectors, np.ones((len(model.user_ids), 1), dtype=np.float32)])
    items = np.hstack([model.item_vectors, model.item_biases[:, None]])
    searched = _best_rate(lambda: _search(queries, items, model), len(queries))
    bare = _best_rate(lambda: _bare_product(queries, items), len(queries))
    sampled = np.random.default_rng(1).choice(len(queries), min(SAMPLE, len(queries)), replace=False)
    predicted = _best_rate(lambda: _predict_each(library, sampled, len(items)), len(sampled))
    print(
        f"top {K}: {searched:,.0f} users/s; predict user by user {predicted:,.0f}/s: {searched / predicted:.1f} to 1; "
        f"bare BLAS product {bare:,.0f}/s: {searched / bare:.2f} to 1"
    )


def _search(queries: FloatArray, items: FloatArray, model: LightFMModel) -> Ranking:
    return top_k_inner_product(queries, items, model.item_ids, K, None)


def _bare_product(queries: FloatArray, items: FloatArray) -> None:
    transposed = np.ascontiguousarray(items.T)
    product = np.empty((CHUNK, len(items)), dtype=np.float32)
    for start in range(0, len(queries), CHUNK):
        chunk = queries[start : start + CHUNK]
        np.matmul(chunk, transposed, out=product[: len(chunk)])


def _predict_each(library: Any, rows: IntArray, items: int) -> None:
    """LightFM's own `predict`, one user and all items at a time, and the best of them."""
    everything = np.arange(items, dtype=np.int32)
    for row in rows:
        scores = library.predict(int(row), everything, num_threads=1)
        best = np.argpartition(-scores, K)[:K]
        best[np.argsort(-scores[best])]


def _write(customers: int, products: int) -> None:
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        os.environ |= {"REGARDS_VAR": str(Path(folder) / "var"), "DJANGO_SETTINGS_MODULE": "config.settings"}
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        from common.services import started

        with started(Path(folder) / "var"):
            import django

            django.setup()
            from django.core.management import call_command
            from django.db import connection

            call_command("migrate", verbosity=0)
            first = [_store(customers, products) for _ in range(2)]
            connection.close()
    fresh, again = first
    print(
        f"writing: {fresh:.1f} s for {customers:,} new rows of {KEPT}, {again:.1f} s over the old ones; "
        f"a million in {again / customers * 1e6:.0f} s"
    )


def _store(customers: int, products: int) -> float:
    from django.db import transaction
    from django.utils import timezone

    from customers.models import Customer
    from recommendations.models import ModelVersion
    from recommendations.training import store_recommendations

    if not Customer.objects.exists():
        Customer.objects.bulk_create((Customer() for _ in range(customers)), batch_size=5_000)
    ids = np.array(Customer.objects.order_by("pk").values_list("pk", flat=True))
    number = ModelVersion.objects.count() + 1
    version = ModelVersion.objects.create(
        engine="bench", number=number, started_at=timezone.now(), status=ModelVersion.Status.RETIRED
    )
    model = _Anything(products)
    with transaction.atomic():
        seconds, _ = _timed(lambda: store_recommendations(version, model, ids, lambda *told: None))
    return seconds


class _Anything:
    """A model without a mind of its own, so that only the writing is timed."""

    def __init__(self, products: int) -> None:
        generator = np.random.default_rng(1)
        self._items = generator.integers(1, products, (10_000, KEPT))
        self._scores = generator.random((10_000, KEPT)).astype(np.float32)

    @property
    def item_ids(self) -> IntArray:
        return np.unique(self._items)

    def seen(self, history: Interactions) -> "_Anything":
        return self

    def arrays(self) -> dict[str, Any]:
        return {}

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        return Ranking(self._items[: len(users), :k], self._scores[: len(users), :k])


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def _best_rate(work: Callable[[], object], users: int) -> float:
    """Users a second in the fastest of three rounds."""
    return users / min(_timed(work)[0] for _ in range(ROUNDS))


if __name__ == "__main__":
    main()
