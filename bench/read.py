"""A read of recommendations over HTTP, as the site answers it and as a view and serializer of Django REST framework do.

`python -m bench.read` starts servers of its own with data in a throw-away folder (2,000 customers, 5,000 products, a
rule set that excludes) and the site on granian with two workers; 16 connections ask by turns for

- *plain*: `/api/v1/customers/{id}/recommendations`
- *drf*: the same answer by the ORM, through a view with a serializer
- *drf, one statement*: by the statement of *plain*, through a view with a serializer

and it prints reads a second, milliseconds in the middle and at the 99th per cent, and ratios. Then, in one process:
a stored row by its primary key from PostgreSQL against the same bytes from Valkey. Clients, web and database share the
machine.
"""

import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from bench.http_client import Asked, ask
from common.services import started

CUSTOMERS, PRODUCTS, KEPT, K = 2_000, 5_000, 50, 6
PORT = 18_768
ROUNDS, SECONDS, WARM_UP_SECONDS = 3, 4.0, 3.0
SINGLE_READS = 5_000
WAYS = {
    "plain": "/api/v1/customers/{}/recommendations",
    "drf": "/drf/{}",
    "drf, one statement": "/drf-one-statement/{}",
}


def main() -> None:
    """Measure and print."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        var = Path(folder) / "var"
        os.environ |= {"REGARDS_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings"}
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        with started(var):
            secret, people = _prepare()
            with _site():
                _measure_reads(secret, people)
            _measure_rows()


def application() -> object:
    """The site with the views to compare with."""
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    django.setup()
    settings.ROOT_URLCONF = "bench.read_urls"
    settings.REST_FRAMEWORK |= {"DEFAULT_THROTTLE_RATES": {"reads": "100000000/min"}}
    return get_wsgi_application()


def _prepare() -> tuple[str, list[str]]:
    import django

    django.setup()
    from django.core.management import call_command

    from accounts.models import ApiKey
    from customers.models import Customer
    from products.models import Category, Product
    from rules.models import RuleSet
    from rules.versions import publish_document

    call_command("migrate", verbosity=0)
    categories = [Category.objects.create(name=f"Shelf {n}", path=f"shelf-{n}") for n in range(40)]
    products = Product.objects.bulk_create(
        Product(
            source="shop",
            external_id=f"p{n}",
            name=f"Product {n}",
            category=categories[n % 40],
            price_minor=999,
            currency="EUR",
            url=f"/p/{n}",
        )
        for n in range(PRODUCTS)
    )
    people = Customer.objects.bulk_create(
        Customer(email=f"c{n}@example.com", country="GB") for n in range(CUSTOMERS)
    )
    _store_rankings([one.pk for one in people], [one.pk for one in products])
    rule_set = RuleSet.objects.create(key="shelves", name="Shelves", slot="shelves")
    publish_document(rule_set, {"rules": [], "otherwise": {"exclude": {"products": ["gone"]}}})
    secret = ApiKey.objects.issue(name="bench", scopes=[ApiKey.Scope.RECOMMENDATIONS_READ])[1]
    return secret, [str(one.public_id) for one in people]


def _store_rankings(people: list[int], products: list[int]) -> None:
    from django.db import connection

    from common.clock import now
    from recommendations.models import ModelVersion, Recommendation

    random.seed(1)
    version = ModelVersion.objects.create(engine="blend", number=1, status="champion", started_at=now())
    Recommendation.objects.bulk_create(
        Recommendation(
            customer_id=one,
            model_version=version,
            product_ids=random.sample(products, KEPT),
            scores=[1.0] * KEPT,
            computed_at=now(),
        )
        for one in people
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@contextmanager
def _site() -> Iterator[None]:
    command = [sys.executable, "-m", "common.services.bound", sys.executable, "-m", "granian"]
    options = (
        f"--interface wsgi --host 127.0.0.1 --port {PORT} --workers 2 --blocking-threads 2 --log-level error"
    )
    site = subprocess.Popen([*command, *options.split(), "--factory", "bench.read:application"])  # noqa: S603
    try:
        _wait()
        yield
    finally:
        site.terminate()
        site.wait(timeout=30)


def _wait() -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", PORT), timeout=10) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if b" 200 " in connection.recv(4096):
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The site did not answer within two minutes.")


def _measure_reads(secret: str, people: list[str]) -> None:
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with ProcessPoolExecutor(1) as client:
        for url in WAYS.values():
            client.submit(_ask, url, secret, people, WARM_UP_SECONDS).result()
        for number in range(ROUNDS):
            for way in WAYS if number % 2 else reversed(WAYS):
                asked = client.submit(_ask, WAYS[way], secret, people, SECONDS).result()
                rates[way].append(len(asked.seconds) / asked.elapsed)
                taken[way] += asked.seconds
    plain = statistics.median(rates["plain"])
    for way, seconds in taken.items():
        cuts = [cut * 1000 for cut in statistics.quantiles(seconds, n=100)]
        rate = statistics.median(rates[way])
        print(
            f"{way}: {rate:,.0f} reads/s, {cuts[49]:.1f} ms, 99 % within {cuts[98]:.1f} ms; "
            f"plain is {plain / rate:.2f} to 1"
        )


def _ask(url: str, secret: str, people: list[str], seconds: float) -> Asked:
    head = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"
    requests = [f"GET {url.format(one)} {head}".encode() for one in people]
    return ask(PORT, requests, seconds=seconds, is_right=lambda body: body.count(b"external_id") in (0, K))


def _measure_rows() -> None:
    """Where a stored row is read from, one after the other, without the rest of an answer."""
    import msgspec

    from common import valkey
    from common.prepared_statements import answers
    from recommendations.models import Recommendation

    ids = list(Recommendation.objects.values_list("pk", flat=True))
    for row in Recommendation.objects.all():
        valkey.client().set(
            f"bench:{row.pk}", msgspec.msgpack.encode([row.product_ids, row.model_version_id]), ex=600
        )
    consent = "SELECT c.allows_profiling FROM customers_customer c WHERE c.id = %(id)s"
    joined = (
        "SELECT c.allows_profiling, coalesce(r.fresh_ids, r.product_ids), r.model_version_id FROM customers_customer c"
        " LEFT JOIN recommendations_recommendation r ON r.customer_id = c.id WHERE c.id = %(id)s"
    )
    ways: dict[str, Callable[[int], object]] = {
        "whether profiling is allowed, from PostgreSQL": lambda one: answers(consent, {"id": one}),
        "that and the row, from PostgreSQL in one statement": lambda one: answers(joined, {"id": one}),
        "the row from Valkey": lambda one: msgspec.msgpack.decode(
            cast(bytes, valkey.client().get(f"bench:{one}"))
        ),
        "the row through the ORM": lambda one: Recommendation.objects.get(pk=one),
    }
    for way, read in ways.items():
        micros = []
        for one in random.choices(ids, k=SINGLE_READS):
            begin = time.perf_counter()
            read(one)
            micros.append((time.perf_counter() - begin) * 1e6)
        cuts = statistics.quantiles(micros, n=100)
        print(f"{way}: {cuts[49]:.0f} µs, 99 % within {cuts[98]:.0f} µs")


if __name__ == "__main__":
    main()
