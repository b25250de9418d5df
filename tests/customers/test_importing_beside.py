"""Large files are mapped in a process of its own: the same books, and an end with whoever started it."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from customers.importing.books import open_books
from customers.importing.mapping_process import MappingBroke, MappingProcess
from customers.importing.reading import UnreadableFile
from customers.importing.run import BATCH, BESIDE_FROM, Rejects, import_rows
from customers.models import Event, Order, SourcePolicy
from customers.quality.watch import RunProfile
from tests.customers.reading import HEADER, MAPPING, line, promising, read

END_SECONDS = 60
LAST = BESIDE_FROM * BATCH + 3


def rows(*, last: int = LAST, told_every: int = 1000) -> list[list[str] | str]:
    """Rows of which few are stored, so that reading them costs little: the others are refused on purpose."""
    return [
        line(number) if number % told_every == 0 else line(number, order="test")
        for number in range(1, last + 1)
    ]


@pytest.mark.django_db
def test_a_large_file_has_the_books_that_it_has_without_a_second_process(tmp_path):
    given = rows()
    given[BATCH + 4] = "unreadable_row"
    given[LAST - 1] = line(LAST, amount="much")
    beside = read(given, folder=tmp_path)
    here = read(given, promising({"unique": ["id"], "level": "warn"}), folder=tmp_path, source="here")
    assert (beside.rows_in, beside.inserted, beside.duplicates) == (LAST, 20, 0)
    assert beside.rejected == {"bad_number": 1, "test_order": LAST - 22, "unreadable_row": 1}
    assert (here.inserted, here.duplicates, here.rejected) == (0, 20, beside.rejected)
    assert beside.columns == here.columns
    assert (beside.watermark, beside.first_key, beside.last_key) == (here.watermark, "1000", "20000")
    assert beside.columns["id"]["empty"] == 0
    refused = (tmp_path / "rejects.csv").read_text().splitlines()
    assert refused[-1].startswith(f"{LAST},bad_number,{LAST},A{LAST},")
    assert Event.objects.filter(type=6).count() == 20


@pytest.mark.django_db
def test_the_policy_on_orders_holds_for_what_is_mapped_beside():
    SourcePolicy.objects.create(source="shop", orders_namespace="all", orders_rank=30)
    read(rows(told_every=15_000))
    assert list(Order.objects.values_list("source", "external_id")) == [("all", "A15000")]


@pytest.mark.django_db
def test_what_stands_before_the_place_where_a_large_file_breaks_off_is_stored(tmp_path):
    def broken() -> Iterator[list[str] | str]:
        yield from rows()
        raise UnreadableFile("The rest of the file cannot be read.")

    books = open_books("shop")
    with pytest.raises(UnreadableFile):
        import_rows(
            broken(), MAPPING, header=HEADER, books=books, rejects=Rejects(tmp_path / "rejects.csv", HEADER)
        )
    assert (books.run.rows_in, books.run.inserted) == (BESIDE_FROM * BATCH, 20)


def test_a_mapping_process_that_ends_too_early_names_the_rows():
    message = r"^Rows 1 to 2: the process that maps them ended \(-9\)\.$"
    with (
        pytest.raises(MappingBroke, match=message),
        MappingProcess(MAPPING, header=HEADER, profile=RunProfile(), orders=None) as process,
    ):
        process.send([line(1), line(2)], dropped_until=None)
        os.kill(process.pid, 9)
        process.receive("Rows 1 to 2")


def test_what_cannot_be_mapped_is_told_with_its_rows():
    with (
        pytest.raises(MappingBroke, match=r"^Rows 1 to 1: AttributeError: "),
        MappingProcess(MAPPING, header=HEADER, profile=RunProfile(), orders=None) as process,
    ):
        process.send([[None] * len(HEADER)], dropped_until=None)
        process.receive("Rows 1 to 1")


def test_the_mapping_process_ends_with_the_one_that_started_it():
    program = (
        "import sys, django; django.setup()\n"
        "from customers.importing.mapping_process import MappingProcess\n"
        "from customers.quality.watch import RunProfile\n"
        "from tests.customers.reading import HEADER, MAPPING, line\n"
        "process = MappingProcess(MAPPING, header=HEADER, profile=RunProfile(), orders=None)\n"
        "process.send([line(1)], dropped_until=None)\n"
        "print(process.pid, process.receive('Row 1').positions, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid, positions = parent.stdout.readline().split()
        child = os.pidfd_open(int(pid))
        parent.kill()
    assert positions == "[0]"
    ended, _, _ = select.select([child], [], [], END_SECONDS)
    os.close(child)
    assert ended == [child]
