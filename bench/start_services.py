"""How long the embedded servers take: the first start with a new cluster, and later ones."""

import tempfile
import time
from pathlib import Path

from common.services import started

LATER_STARTS = 5


def seconds_to_start(var: Path) -> float:
    """Start the servers of `var`, stop them, and return how long the start took."""
    begin = time.perf_counter()
    with started(var):
        return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        first = seconds_to_start(Path(folder) / "var")
        later = sorted(seconds_to_start(Path(folder) / "var") for _ in range(LATER_STARTS))[LATER_STARTS // 2]
    print(
        f"first start {first:.2f} s, later {later:.2f} s (median of {LATER_STARTS}): 1 to {later / first:.2f}"
    )


if __name__ == "__main__":
    main()
