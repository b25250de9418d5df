"""The whole path of sending: claimed rows, composing, keeping, SMTP, settling, against a sink on this machine.

    python -m bench.sending                       # 20,000 messages
    python -m bench.sending --messages 200000     # is the memory of the workers flat?
    python -m bench.sending --workers 1           # one process alone
    python -m bench.sending --no-pipelining       # a server that takes one step at a time

Database, sink and workers (two, as the product has) are processes of their own. Prints messages a second, the CPU that
workers, database and sink spent on each, and the workers' memory on the way. Everything is thrown away afterwards.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common.services import started

SAMPLES = 10
STEP = 500
EXAMPLE = Path(__file__).parent.parent / "campaigns" / "examples" / "recommendations.mjml"
PRODUCTS = 50
_PEOPLE = """
INSERT INTO customers_customer (public_id, email, country, first_name, last_name, gender, region, city, locale, device,
    attributes, is_anonymous, allows_profiling, source)
SELECT gen_random_uuid(), 'c' || n || '@example.com', 'GB', 'Ann', '', '', '', '', '', '', '{}', false, true, 'bench'
FROM generate_series(1, %s) AS n
"""


def main() -> None:
    """Parse the arguments, start the sink and the servers, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--work-on", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sink:
        asyncio.run(_sink(is_pipelined=not arguments.no_pipelining))
        return
    if arguments.work_on:
        _work(arguments.work_on, share=arguments.messages)
        return
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        var = Path(folder) / "var"
        os.environ |= {
            "REGARDS_VAR": str(var),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "OUTBOUND_ALLOWED": "127.0.0.0/8",
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        with started(var):
            _with_sink(arguments, var)


def _with_sink(arguments: argparse.Namespace, var: Path) -> None:
    flags = ["--no-pipelining"] if arguments.no_pipelining else []
    command = [sys.executable, "-m", "bench.sending", "--sink", *flags]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sink:
        assert sink.stdout is not None and sink.stdin is not None
        port = int(sink.stdout.readline())
        dispatch_id = _launched(arguments.messages, port=port, connections=arguments.connections)
        print(
            f"{arguments.messages:,} messages, {arguments.workers} worker(s), load {os.getloadavg()[0]:.1f}"
        )
        _measure(dispatch_id, arguments.messages, workers=arguments.workers, var=var)
        sink.stdin.close()
        print(sink.stdout.read().strip())


def _launched(count: int, *, port: int, connections: int) -> int:
    """Launch a campaign of the shipped example to so many people; returns its dispatch."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from campaigns.arm_forms import posted
    from campaigns.forms import CampaignForm
    from campaigns.launching import launch
    from campaigns.models import Template
    from campaigns.publishing import publish_template
    from customers.consent import grant
    from customers.models import Customer
    from delivery.models import Sender
    from recommendations.strategies import BESTSELLERS
    from segments.models import Segment

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [count])
    grant(list(Customer.objects.values_list("pk", flat=True)), source="bench")
    _bestsellers()
    sender = Sender.objects.create(
        name="Bench",
        from_name="The Shop",
        from_email="news@shop.example",
        backend=Sender.Backend.SMTP,
        address=f"127.0.0.1:{port}",
        options={"security": "none", "connections": str(connections)},
        rate_per_second=1_000_000,
    )
    template = Template.objects.create(key="bench", name="bench")
    version = publish_template(
        template,
        subject="{{ customer.first_name }}, new for you",
        preheader="",
        mjml=EXAMPLE.read_text("utf-8"),
    )
    segment = Segment.objects.create(key="all", name="All", condition={"attribute": "country", "value": "GB"})
    form = CampaignForm(
        {
            "name": "Bench",
            "segment": segment.pk,
            "sender": sender.pk,
            "primary_metric": "conversion",
            "no_mail_percent": 0,
            "baseline_percent": 50,
            "baseline_strategy": BESTSELLERS,
            "baseline_template": version.pk,
            **posted([{"name": "Personalised", "percent": 100, "template": version.pk}]),
        }
    )
    if not form.is_valid():
        raise SystemExit(str(form.errors))
    return launch(form.save(by=None).pk, despite_data_health=True).dispatch_id


def _bestsellers() -> None:
    from products.models import Product
    from recommendations.models import PopularProducts

    made = Product.objects.bulk_create(
        Product(
            source="shop",
            external_id=f"p{number}",
            name=f"Product {number}",
            price_minor=1_000 + number,
            currency="EUR",
            url=f"https://shop.example/p{number}",
            image_url=f"/media/products/{number}.png",
        )
        for number in range(PRODUCTS)
    )
    PopularProducts.objects.create(
        country="",
        product_ids=[one.pk for one in made],
        scores=[1.0] * PRODUCTS,
        computed_at=made[0].created_at,
    )


def _measure(dispatch_id: int, count: int, *, workers: int, var: Path) -> None:
    """Let so many workers send everything at once, and print."""
    words = ["-m", "bench.sending", "--work-on", str(dispatch_id), "--messages", str(count // workers)]
    at_work = [
        subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(workers)
    ]
    for one in at_work:
        assert one.stdout is not None
        one.stdout.readline()  # it is ready
    database, begun = _database_seconds(var), time.perf_counter()
    for one in at_work:
        assert one.stdin is not None
        one.stdin.close()
    said = [json.loads(one.stdout.read()) for one in at_work if one.stdout is not None]
    seconds, database = time.perf_counter() - begun, _database_seconds(var) - database
    sent = sum(one["sent"] for one in said)
    cpu = sum(one["cpu"] for one in said)
    print(
        f"{sent / seconds:,.0f} messages/s, whole path; CPU each: workers {1e6 * cpu / sent:,.0f} µs,"
        f" database {1e6 * database / sent:,.0f} µs"
    )
    for one in said:
        print("a worker's memory in MB: " + " ".join(f"{size:.0f}" for size in one["memory"]))


def _work(dispatch_id: int, *, share: int) -> None:
    """Send as a worker does, chunk by chunk, as soon as the input ends; print what it took as JSON."""
    import django

    django.setup()
    from campaigns.composing import compose
    from delivery.models import Dispatch
    from delivery.sending import send_chunk

    dispatch = Dispatch.objects.select_related("sender").get(pk=dispatch_id)
    gc.collect()
    gc.freeze()  # as `config.celery` does
    print("ready", flush=True)
    sys.stdin.read()
    memory = [_memory_mb()]
    cpu, sent = time.process_time(), 0
    while (result := send_chunk(dispatch, compose=compose, limit=STEP)).claimed:
        sent += result.states.get("sent", 0)
        if sent >= len(memory) * share / SAMPLES:
            memory.append(_memory_mb())
    print(json.dumps({"sent": sent, "cpu": time.process_time() - cpu, "memory": memory}))


def _database_seconds(var: Path) -> float:
    """The processor time of all processes of the database that live; its main process says which they are."""
    (pid_file,) = var.rglob("postmaster.pid")
    main = pid_file.read_text().split()[0]
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    ticks = 0
    for pid in (main, *children):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15] if pid == main else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


async def _sink(*, is_pipelined: bool) -> None:
    """Take every mail and keep none. Prints its port, and when its input ends what it took and spent."""
    taken = [0]

    def note() -> None:
        taken[0] += 1

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take(reader, writer, note, is_pipelined=is_pipelined)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(
        f"sink: {taken[0]:,} mails, {1e6 * time.process_time() / max(taken[0], 1):,.0f} µs of CPU each",
        flush=True,
    )
    os._exit(0)


async def _take(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[], None],
    *,
    is_pipelined: bool,
) -> None:
    feature = b"250-PIPELINING\r\n" if is_pipelined else b""
    answers = {b"EHLO": b"250-sink\r\n" + feature + b"250 SIZE 10485760\r\n", b"DATA": b"354 go on\r\n"}
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        word = line[:4].upper()
        writer.write(answers.get(word, b"250 2.0.0 Ok\r\n"))
        if word == b"DATA":
            await reader.readuntil(b"\r\n.\r\n")
            note()
            writer.write(b"250 2.0.0 Ok: queued as sink\r\n")


if __name__ == "__main__":
    main()
