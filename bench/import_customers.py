"""A list of a million people, imported into an empty shop and then once more, against a plain COPY of the same rows.

`python -m bench.import_customers [ROWS]` prints rows a second, memory as it went, both ratios, and what the profile
page of one of a million costs.
"""

import csv
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from common.services import started

ROWS = 1_000_000
SEED = 20261122
HEADER = ["Customer no", "E-Mail", "Vorname", "Nachname", "Geburtstag", "Land", "Ort", "Newsletter", "Club"]
_FIRST, _LAST, _CITIES, _COUNTRIES = (
    line.split()
    for line in (
        "Anna Ben Carla David Emma Felix Greta Hugo Ida Jonas Klara Leo Mia Noah Olga Paul Rosa Sam Tess Uwe",
        "Berg Dahl Evans Fischer Garcia Hansen Ito Jensen Kaya Lindqvist Moreau Novak O'Brien Papadakis",
        "Aachen Bristol Cork Dijon Eindhoven Firenze Graz Helsinki Izmir Jerez Kiel Leeds Malmö Nice",
        "DE GB IE FR NL IT AT FI TR ES SE US",
    )
)
PROOF = "Ticked the box in the shop's checkout; exported from the old newsletter system."


def people(rows: int) -> Iterator[list[str]]:
    """Yield the rows of the list, always the same."""
    chance = random.Random(SEED)
    for number in range(rows):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        born = date(1940, 1, 1) + timedelta(days=chance.randrange(24_000))
        yield [
            f"K{number:07d}",
            f"{first}.{last.replace(chr(39), '')}{number}@example{number % 40}.com".lower(),
            first,
            last,
            born.strftime("%d.%m.%Y"),
            chance.choice(_COUNTRIES),
            chance.choice(_CITIES),
            "ja" if number % 3 else "nein",
            chance.choice(("gold", "silver", "")),
        ]


def main() -> None:
    """Generate, measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        os.environ["REGARDS_VAR"] = str(Path(folder) / "var")
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        with started(Path(os.environ["REGARDS_VAR"])):
            import django

            django.setup()
            _measure(Path(folder) / "people.csv", rows)


def _measure(path: Path, rows: int) -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(people(rows))
    print(f"{rows:,} rows, {path.stat().st_size / 2**20:.0f} MB")
    plain = _seconds(lambda: _copy(path))
    print(f"plain COPY of the same rows into a table without indexes: {plain:.1f} s")
    for what in ("new", "known"):
        memory: list[int] = []
        _import(path, memory, check=True)
        seconds = _seconds(partial(_import, path, memory))
        tenths = [memory[len(memory) * part // 10] // 1024 for part in range(10)] + [memory[-1] // 1024]
        print(
            f"import, all {what}: {seconds:.1f} s, {rows / seconds:,.0f} rows/s, {seconds / plain:.1f} × plain COPY;"
            f" MB resident at each tenth: {' '.join(map(str, tenths))}"
        )
    _profile_page()


def _import(path: Path, memory: list[int], *, check: bool = False) -> None:
    import msgspec

    from customers.importing.people import run
    from customers.importing.people.files import examine
    from customers.importing.people.guessing import guess
    from customers.importing.people.mapping import written
    from customers.models import PeopleImport

    file = examine(path, whole=False)
    mapping = msgspec.structs.replace(guess(file, source="crm"), proof=PROOF, attributes={"club": "Club"})
    job = PeopleImport.objects.create(name=path.name, path=str(path), mapping=written(mapping))
    if check:
        seconds = _seconds(lambda: run.check(job))
        print(f"check (nothing written): {seconds:.1f} s: {job.report['stored']}")
        return
    done = run.carry_out(job, on_batch=lambda _: memory.append(_resident_kb()))
    print(
        f"books: {done.rows_in:,} in, {done.inserted:,} new, {done.updated:,} updated, {done.unchanged:,} unchanged"
    )
    assert done.adds_up and done.rejected == {}, done.rejected


def _copy(path: Path) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        columns = ", ".join(f"c{number} text" for number in range(len(HEADER)))
        cursor.execute(f"DROP TABLE IF EXISTS plain_copy; CREATE TABLE plain_copy ({columns})")
        with (
            cursor.copy("COPY plain_copy FROM STDIN WITH (FORMAT csv, HEADER)") as copy,
            path.open("rb") as file,
        ):
            while chunk := file.read(1 << 20):
                copy.write(chunk)


def _profile_page() -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from accounts.models import User
    from customers.models import Customer

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("bench@example.com"))
    some = Customer.objects.order_by("-pk")[:20]
    pages = [reverse("reports:customer", args=[customer.public_id]) for customer in some]
    client.get(pages[0])
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(pages[1])
        asked = len(queries)
    assert answer.status_code == 200, answer.status_code
    times = [_seconds(partial(client.get, page)) * 1000 for page in pages]
    print(f"profile page: {asked} queries, {statistics.median(times):.0f} ms (median of {len(times)})")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _resident_kb() -> int:
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")
    )
    return int(line.split()[1])


if __name__ == "__main__":
    main()
