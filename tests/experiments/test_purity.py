"""The mathematics stands alone."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import importlib, pkgutil, sys
import experiments.analysis, experiments.stats
for module in pkgutil.iter_modules(experiments.stats.__path__, "experiments.stats."):
    importlib.import_module(module.name)
print(sorted({"django", "celery", "scipy.stats", "statsmodels"} & set(sys.modules)))
"""


def test_statistics_and_analysis_load_neither_django_nor_celery_nor_the_heavy_libraries() -> None:
    probe = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert probe.stdout == "[]\n"
