"""Openings and clicks over HTTP, each committed before it is answered.

`python -m bench.tracking` starts servers of its own with data in a throw-away folder and the site on granian, whole
stack, with two workers; 16 connections ask by turns for the pixel and for links of 20,000 sent mails. It prints
requests a second, milliseconds in the middle and at the 99th per cent, and CPU a request; then it counts that every
answered hit is stored. Clients, web and database share the machine.
"""

import os
import selectors
import socket
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import cast

from bench.batch import PORT, cpu_seconds, site
from common.services import started

CUSTOMERS, MESSAGES = 2_000, 20_000
CONNECTIONS, ROUNDS, SECONDS, WARM_UP_SECONDS = 16, 3, 4.0, 3.0
FEWEST_ANSWERS = 500
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
    answered = sum(len(client.submit(_ask, some, WARM_UP_SECONDS).result()[0]) for some in paths.values())
    for kind, some in paths.items():
        taken: list[float] = []
        rates, costs = [], []
        for _ in range(ROUNDS):
            before = cpu_seconds(site)
            seconds, elapsed, own = client.submit(_ask, some, SECONDS).result()
            web, rest = (after - begin for after, begin in zip(cpu_seconds(site), before, strict=True))
            rates.append(len(seconds) / elapsed)
            costs.append([cpu / len(seconds) * 1000 for cpu in (web, rest - own)])
            taken += seconds
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


def _ask(paths: list[str], seconds: float) -> tuple[list[float], float, float]:
    """Ask on all connections at once, each for the next as soon as it has an answer.

    Returns the seconds of each, of all, and of this process's CPU.
    """
    own = time.process_time()
    head = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\n\r\n"
    requests = cycle([f"GET {path} {head}".encode() for path in paths])
    waiting = selectors.DefaultSelector()
    begun: dict[socket.socket, float] = {}
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", PORT))
        waiting.register(connection, selectors.EVENT_READ, bytearray())
        begun[connection] = time.perf_counter()
        connection.sendall(next(requests))
    taken: list[float] = []
    begin = time.perf_counter()
    while waiting.get_map():
        for key, _ in waiting.select(timeout=1):
            connection, content = cast(socket.socket, key.fileobj), key.data
            received = connection.recv(65_536)
            if not received:
                raise RuntimeError(
                    f"The site closed a connection after {len(taken):,} answers: {bytes(content)!r}"
                )
            content += received
            if not _is_whole(content):
                continue
            taken.append(time.perf_counter() - begun[connection])
            content.clear()
            if time.perf_counter() >= begin + seconds and len(taken) >= FEWEST_ANSWERS:
                waiting.unregister(connection)
                connection.close()
                continue
            begun[connection] = time.perf_counter()
            connection.sendall(next(requests))
    return taken, time.perf_counter() - begin, time.process_time() - own


def _is_whole(content: bytearray) -> bool:
    head, _, body = bytes(content).partition(b"\r\n\r\n")
    lowered = head.lower()
    if b"content-length:" not in lowered:
        return False
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302")):
        raise RuntimeError(head.decode())
    return len(body) >= int(lowered.split(b"content-length:")[1].split(b"\r\n")[0])


def _count(answered: int) -> None:
    from delivery.models import MessageEvent

    stored = MessageEvent.objects.count()
    print(f"{answered:,} hits were answered, {stored:,} are stored")
    if stored != answered:
        raise RuntimeError("Not every answered hit is stored.")


if __name__ == "__main__":
    main()
