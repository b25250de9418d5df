"""How long after the API's answer an event shows in a segment, on the demo shop with 200 events a second.

`python -m bench.freshness [--seconds 60] [--rate 200]` prepares a demo shop in a throw-away folder (three minutes),
runs the site with its workers and beat, sends events over HTTP in batches, and twice a second one of somebody who is
not in the segment of those who looked at a product within 24 hours; it prints the percentiles of their wait.
"""

import argparse
import base64
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from common.services import started

PORT = 18_767
SEGMENT = "visited-product-24-h"
BATCH = 20
EVERY_SECONDS, LOOK_SECONDS, PATIENCE_SECONDS = 0.5, 0.05, 60


class Tracker:
    """A shop's tracker: sends views of one product."""

    def __init__(self, secret: str, product: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", PORT, timeout=60)
        self._product = product
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(f"{secret}:".encode()).decode(),
            "Content-Type": "application/json",
        }

    def send(self, people: Sequence[str]) -> None:
        """Send an event of each of them in one batch; all must be accepted."""
        at = datetime.now(UTC).isoformat()
        events = [
            {
                "type": "track",
                "messageId": f"bench-{time.monotonic_ns()}-{number}",
                "userId": value,
                "event": "Product Viewed",
                "timestamp": at,
                "properties": {"product_id": self._product},
            }
            for number, value in enumerate(people)
        ]
        self._connection.request(
            "POST", "/v1/batch", json.dumps({"batch": events, "sentAt": at}), self._headers
        )
        reply = self._connection.getresponse()
        told = json.loads(reply.read())
        if reply.status != 200 or told["accepted"] != len(events):
            raise RuntimeError(f"{reply.status}: {told}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        var = Path(folder) / "var"
        os.environ |= {"REGARDS_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings"}
        with started(var), _site():
            import django

            django.setup()
            waits = _measure(arguments.seconds, arguments.rate)
    quarters = [waits[min(len(waits) * part // 100, len(waits) - 1)] for part in (50, 95, 99)]
    print(
        f"{len(waits)} events among {arguments.rate} a second: in the segment after"
        f" {quarters[0]:.1f} s (median), {quarters[1]:.1f} s (p95, aim 5), {quarters[2]:.1f} s (p99);"
        f" load average {os.getloadavg()[0]:.1f}"
    )


@contextmanager
def _site() -> Iterator[None]:
    """Have the demo shop prepared and everything running."""
    command = [sys.executable, "-m", "common.services.manager", "--demo", "--port", str(PORT)]
    site = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - constants only
    try:
        _wait()
        yield
    finally:
        site.terminate()
        site.wait(timeout=60)


def _wait() -> None:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline:
        try:
            connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(1)
    raise RuntimeError("The site did not answer within fifteen minutes.")


def _measure(seconds: int, rate: int) -> list[float]:
    """Return the waits in seconds, the shortest first."""
    from accounts.models import ApiKey
    from demo.loading import SOURCE
    from products.models import Product
    from segments.models import Segment

    segment = Segment.objects.get(key=SEGMENT)
    secret = ApiKey.objects.issue(name="bench", scopes=[ApiKey.Scope.TRACK_WRITE], source=SOURCE)[1]
    inside, outside = _people(segment)
    if len(outside) < seconds / EVERY_SECONDS:
        raise RuntimeError(f"Only {len(outside)} people are outside the segment: measure for a shorter time.")
    stop = threading.Event()
    product = Product.objects.order_by("pk")[0].external_id
    noise = threading.Thread(target=_send_noise, args=(Tracker(secret, product), inside, rate, stop))
    noise.start()
    try:
        sent = _send_marked(Tracker(secret, product), outside[: int(seconds / EVERY_SECONDS)], segment.pk)
    finally:
        stop.set()
        noise.join()
    return sorted(sent)


def _people(segment: Any) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the shop's ids of members, and (our id, the shop's id) of others, in a random order."""
    from customers.models import CustomerIdentity
    from demo.loading import SOURCE

    rows = CustomerIdentity.objects.filter(namespace=SOURCE, customer__is_anonymous=False)
    members = set(segment.memberships.values_list("customer_id", flat=True))
    every = list(rows.values_list("customer_id", "value"))
    random.Random(7).shuffle(every)
    return [value for id, value in every if id in members], [
        (id, value) for id, value in every if id not in members
    ]


def _send_noise(tracker: Tracker, people: Sequence[str], rate: int, stop: threading.Event) -> None:
    """Send batches at the rate until told to stop; the people are in the segment already."""
    chance, begin = random.Random(8), time.monotonic()
    for number in itertools.count():
        if stop.wait(max(0.0, begin + number * BATCH / rate - time.monotonic())):
            return
        tracker.send([chance.choice(people) for _ in range(BATCH)])


def _send_marked(tracker: Tracker, people: Sequence[tuple[int, str]], segment_id: int) -> list[float]:
    """Send one event each and look until its customer is in the segment; return the waits in seconds."""
    from segments.models import SegmentMembership

    waiting: dict[int, float] = {}
    waits, todo = [], list(people)
    following = time.monotonic()
    while todo or waiting:
        if todo and time.monotonic() >= following:
            id, value = todo.pop()
            tracker.send([value])
            waiting[id] = time.monotonic()
            following += EVERY_SECONDS
        found = SegmentMembership.objects.filter(segment_id=segment_id, customer_id__in=list(waiting))
        for id in found.values_list("customer_id", flat=True):
            waits.append(time.monotonic() - waiting.pop(id))
        if waiting and min(waiting.values()) < time.monotonic() - PATIENCE_SECONDS:
            raise RuntimeError(f"An event was not seen within {PATIENCE_SECONDS} s.")
        time.sleep(LOOK_SECONDS)
    return waits


if __name__ == "__main__":
    main()
