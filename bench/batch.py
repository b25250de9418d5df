"""`/v1/batch` end to end: batches of 100 events over HTTP, committed before the answer; and what parsing them costs.

`python -m bench.batch` starts servers of its own with data in a throw-away folder, and the site on granian with two
workers. Clients, web and database share the machine. Customers and products are known; all events are new.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

from common.services import started

BATCH = 100
WARM_UP, MEASURED = 320, 800
CLIENTS = 16
CUSTOMERS, PRODUCTS = 1000, 200
PORT = 18_765
NAMES = ("Product Viewed", "Product Viewed", "Product Viewed", "Product Added", "Quiz Finished")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        var = Path(folder) / "var"
        os.environ |= {"REGARDS_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings"}
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        with started(var):
            secret = _prepare()
            _measure_parsing()
            with site() as served:
                _measure_batches(secret, served.pid)


def _prepare() -> str:
    import django

    django.setup()
    from django.core.management import call_command

    from accounts.models import ApiKey

    call_command("migrate", verbosity=0)
    return ApiKey.objects.issue(name="bench", scopes=[ApiKey.Scope.TRACK_WRITE], source="bench")[1]


@contextmanager
def site() -> Iterator[subprocess.Popen[bytes]]:
    """The site on granian with two workers, whole stack, on `PORT`."""
    command = [sys.executable, "-m", "common.services.bound", sys.executable, "-m", "granian"]
    options = (
        f"--interface wsgi --host 127.0.0.1 --port {PORT} --workers 2 --blocking-threads 2 --log-level error"
    )
    served = subprocess.Popen([*command, *options.split(), "config.wsgi:application"])  # noqa: S603
    try:
        _wait()
        yield served
    finally:
        served.terminate()
        served.wait(timeout=30)


def _wait() -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise RuntimeError("The site did not answer within two minutes.")


def _body(number: int) -> bytes:
    """A batch as a tracker sends it; every event has a message id of its own."""
    at = datetime.now(UTC).isoformat()
    events = []
    for n in range(number * BATCH, (number + 1) * BATCH):
        product = n * 7 % PRODUCTS
        properties = {
            "product_id": f"p{product}",
            "name": f"Product {product}",
            "price": 19.99 + product,
            "currency": "EUR",
            "position": n % 12,
            "url": f"https://shop.example/products/{product}",
        }
        events.append(
            {
                "type": "track",
                "messageId": f"bench-{n:012d}-4b1d-9f3a",
                "userId": f"u{n * 13 % CUSTOMERS}",
                "event": NAMES[n % len(NAMES)],
                "timestamp": at,
                "properties": properties,
                "context": {"library": {"name": "bench", "version": "1.0"}, "sessionId": f"s{n % 50}"},
            }
        )
    return json.dumps({"batch": events, "sentAt": at}).encode()


def _measure_batches(secret: str, site: int) -> None:
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{secret}:".encode()).decode(),
        "Content-Type": "application/json",
    }

    def send(bodies: list[bytes]) -> None:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=60)
        for body in bodies:
            connection.request("POST", "/v1/batch", body, headers)
            reply = connection.getresponse()
            told = json.loads(reply.read())
            if reply.status != 200 or told["stored"] != BATCH:
                raise RuntimeError(f"{reply.status}: {told}")
        connection.close()

    def run(first: int, count: int) -> float:
        bodies = [_body(number) for number in range(first, first + count)]
        begin = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, [bodies[client::CLIENTS] for client in range(CLIENTS)]))
        return time.perf_counter() - begin

    run(0, WARM_UP)
    before = cpu_seconds(site)
    seconds = run(WARM_UP, MEASURED)
    web, database = (
        (after - earlier) / MEASURED * 1000 for after, earlier in zip(cpu_seconds(site), before, strict=True)
    )
    print(
        f"/v1/batch of {BATCH}: {MEASURED / seconds:,.0f} requests/s = {MEASURED * BATCH / seconds:,.0f} events/s"
        f" ({CLIENTS} clients, 2 workers, load average {os.getloadavg()[0]:.1f});"
        f" CPU a request: web {web:.1f} ms, database {database:.1f} ms"
    )


def cpu_seconds(site: int) -> tuple[float, float]:
    """CPU used so far by the site's processes, and by the others that we started: the servers."""
    parents, used = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            used[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    descends = {pid: _line(pid, parents) for pid in used}
    web = sum(used[pid] for pid, line in descends.items() if site in line)
    ours = sum(used[pid] for pid, line in descends.items() if os.getpid() in line and pid != os.getpid())
    return web, ours - web


def _line(pid: int, parents: Mapping[int, int]) -> list[int]:
    """A process and those that it descends from."""
    line = [pid]
    while line[-1] in parents:
        line.append(parents[line[-1]])
    return line


def _measure_parsing() -> None:
    from rest_framework import serializers

    from customers.tracking.protocol import decode_item, parse_batch

    class Event(serializers.Serializer):  # type: ignore[type-arg]
        type = serializers.ChoiceField(["identify", "track", "page", "screen", "group", "alias"])
        messageId = serializers.CharField(required=False)  # noqa: N815 - the protocol's name
        userId = serializers.CharField(required=False)  # noqa: N815
        anonymousId = serializers.CharField(required=False)  # noqa: N815
        event = serializers.CharField(required=False)
        timestamp = serializers.DateTimeField(required=False)
        properties = serializers.DictField(required=False)

    class Batch(serializers.Serializer):  # type: ignore[type-arg]
        batch = Event(many=True)
        sentAt = serializers.DateTimeField(required=False)  # noqa: N815

    body = _body(0)

    def ours() -> None:
        for raw in parse_batch(body).items:
            decode_item(raw)

    def nested() -> None:
        Batch(data=json.loads(body)).is_valid(raise_exception=True)

    fast, slow = _best(ours), _best(nested)
    print(f"parsing {BATCH} events: {fast:.2f} ms, nested serializer {slow:.2f} ms, ratio {slow / fast:.1f}")


def _best(work: Callable[[], None], *, rounds: int = 15) -> float:
    """Milliseconds of the best of several rounds, after one to warm up."""
    work()
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best * 1000


if __name__ == "__main__":
    main()
