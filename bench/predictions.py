"""How long the scores of a whole shop take, and in how much memory.

`python -m bench.predictions [CUSTOMERS]` (1,000,000 where nothing is said) fills an embedded PostgreSQL with customers
who order up to four times a year, and prints, each in a process of its own, seconds and the most memory of

- *train*: the purchase propensity of the next 30 days from three cut-offs; all are read, 5,000 of each learnt from
- *refresh*: everybody scored by it, and stored
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.recommend import ONE_THREAD

NOW = datetime(2026, 11, 1, tzinfo=UTC)
KIND = "propensity"
ROWS = 5_000
_FILL = """
INSERT INTO customers_customer (public_id, email, country, signed_up_at, first_name, last_name, gender, city, region,
    locale, device, attributes, is_anonymous, allows_profiling, source)
SELECT gen_random_uuid(), 'c' || n || '@example.com', (ARRAY['GB', 'FR', 'DE'])[n %% 3 + 1],
    %(now)s - interval '2 years', '', '', (ARRAY['female', 'male', ''])[n %% 3 + 1], '', '', '', '', '{}', false, true,
    'bench'
FROM generate_series(1, %(customers)s) n;
INSERT INTO customers_order (source, external_id, customer_id, placed_at, currency, total_minor, refunded_minor)
SELECT 'bench', c.id || '-' || n, c.id, %(now)s - random() * random() * interval '1 year', 'EUR',
    1000 + (random() * 9000)::int, 0
FROM customers_customer c CROSS JOIN generate_series(1, 4) n WHERE random() < 0.2 + 0.8 * (c.id %% 10) / 10;
ANALYZE customers_customer, customers_order
"""


def main() -> None:
    """Start the servers, and a process for each step."""
    customers = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    print(
        f"{customers:,} customers; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        var = Path(folder) / "var"
        os.environ |= {"REGARDS_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings", **ONE_THREAD}
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        from common.services import started

        with started(var):
            for step in ("fill", "train", "refresh"):
                command = [sys.executable, "-m", "bench.predictions", str(customers), step]
                subprocess.run(command, check=True)  # noqa: S603 (this very module)


def run(step: str, customers: int) -> None:
    """One step in this process."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    began = time.perf_counter()
    if step == "fill":
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(_FILL, {"now": NOW, "customers": customers})
        said = "filled"
    elif step == "train":
        from recommendations.predictions import training

        training.MOST_ROWS = ROWS
        training.refresh_scores = lambda kind, *, now: 0
        version = training.train(KIND, now=NOW)
        said = f"{version.status}: {version.verdict}"
    else:
        from recommendations.predictions.training import refresh_scores

        said = f"{refresh_scores(KIND, now=NOW):,} scores stored"
    seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{step}: {seconds:.0f} s, at most {most:.2f} GB. {said}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        run(sys.argv[2], int(sys.argv[1]))
    else:
        main()
