"""Openings and clicks over HTTP, each committed before it is answered.

`python -m bench.tracking` starts servers of its own with data in a throw-away folder and the site on granian, whole
stack, with two workers; 16 connections ask by turns for the pixel and for links of 20,000 sent mails. It prints
requests a second, milliseconds in the middle and at the 99th per cent, and CPU a request; then it counts that every
answered hit is stored. Clients, web and database share the machine.
"""

import os
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.batch import PORT, cpu_seconds, site
from bench.http_client import CONNECTIONS, ask
from common.services import started

CUSTOMERS, MESSAGES = 2_000, 20_000
ROUNDS, SECONDS, WARM_UP_SECONDS = 3, 4.0, 3.0
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def main() -> None:
    """Measure and print."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        var = Path(folder) / "var"
        os.environ |= {"REGARDS_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings"}
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        with started(var):
            paths = _prepare()
            print(f"{MESSAGES:,} mails are prepared", flush=True)
            with site() as served, ProcessPoolExecutor(1) as client:
                answered = _measure(client, paths, served.pid)
            _count(answered)


def _prepare() -> dict[str, list[str]]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from common import tokens
    from common.clock import now
    from customers.models import Customer
    from delivery import tracking
    from delivery.link_lists import link_list_of
    from delivery.models import Dispatch, Message, Sender

    call_command("migrate", verbosity=0)
    people = Customer.objects.bulk_create(Customer(email=f"c{n}@example.com") for n in range(CUSTOMERS))
    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    shared = link_list_of([f"https://shop.example/page/{n}" for n in range(12)])
    mails: list[int] = []
    for number in range(MESSAGES // CUSTOMERS):
        dispatch = Dispatch.objects.create(name=f"Mailing {number}", sender=sender)
        rows = Message.objects.bulk_create(
            Message(
                dispatch=dispatch,
                customer=one,
                state="sent",
                sent_at=now(),
                link_list_id=shared,
                links=[f"https://shop.example/p/{n}" for n in range(6)],
            )
            for one in people
        )
        mails += [row.pk for row in rows]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {
        "openings": [f"/t/o/{tokens.sign(tracking.PURPOSE_OPEN, one)}.gif" for one in mails],
        "clicks": [f"/t/c/{tokens.sign(tracking.PURPOSE_CLICK, one)}/{one % 18}" for one in mails],
    }


def _measure(client: ProcessPoolExecutor, paths: dict[str, list[str]], site: int) -> int:
    """Ask for each kind by turns; how many requests were answered."""
    head = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\n\r\n"
    requests = {kind: [f"GET {path} {head}".encode() for path in some] for kind, some in paths.items()}
    warmed_up = (client.submit(ask, PORT, some, seconds=WARM_UP_SECONDS) for some in requests.values())
    answered = sum(len(one.result().seconds) for one in warmed_up)
    for kind, some in requests.items():
        taken: list[float] = []
        rates, costs = [], []
        for _ in range(ROUNDS):
            before = cpu_seconds(site)
            asked = client.submit(ask, PORT, some, seconds=SECONDS).result()
            count = len(asked.seconds)
            web, rest = (after - begin for after, begin in zip(cpu_seconds(site), before, strict=True))
            rates.append(count / asked.elapsed)
            costs.append([cpu / count * 1000 for cpu in (web, rest - asked.cpu)])
            taken += asked.seconds
        answered += len(taken)
        cuts = [cut * 1000 for cut in statistics.quantiles(taken, n=100)]
        web, database = (statistics.median(cost[place] for cost in costs) for place in (0, 1))
        print(
            f"{kind}: {statistics.median(rates):,.0f} requests/s, {cuts[49]:.1f} ms, 99 % within {cuts[98]:.1f} ms;"
            f" CPU a request: web {web:.2f} ms, database {database:.2f} ms"
            f" ({CONNECTIONS} connections, 2 workers, load average {os.getloadavg()[0]:.1f})",
            flush=True,
        )
    return answered


def _count(answered: int) -> None:
    from delivery.models import MessageEvent

    stored = MessageEvent.objects.count()
    print(f"{answered:,} hits were answered, {stored:,} are stored")
    if stored != answered:
        raise RuntimeError("Not every answered hit is stored.")


if __name__ == "__main__":
    main()
