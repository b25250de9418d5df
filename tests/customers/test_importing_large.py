"""Large files are mapped batch by batch while the writer stores: their books, and how they break off."""

from collections.abc import Iterator

import pytest

from customers.importing.books import open_books
from customers.importing.reading import UnreadableFile
from customers.importing.run import BATCH, Rejects, import_rows
from customers.models import Event, Order, SourcePolicy
from tests.customers.reading import HEADER, MAPPING, line, read

LAST = 2 * BATCH + 3


def rows(*, last: int = LAST, told_every: int = 1000) -> list[list[str] | str]:
    """Rows of which few are stored, so that reading them costs little: the others are refused on purpose."""
    return [
        line(number) if number % told_every == 0 else line(number, order="test")
        for number in range(1, last + 1)
    ]


@pytest.mark.django_db
def test_a_large_file_has_one_set_of_books_for_all_its_batches(tmp_path):
    given = rows()
    given[BATCH + 4] = "unreadable_row"
    given[LAST - 1] = line(LAST, amount="much")
    books = read(given, folder=tmp_path)
    assert (books.rows_in, books.inserted, books.duplicates) == (LAST, 20, 0)
    assert books.rejected == {"bad_number": 1, "test_order": LAST - 22, "unreadable_row": 1}
    assert (books.first_key, books.last_key, books.columns["id"]["empty"]) == ("1000", "20000", 0)
    refused = (tmp_path / "rejects.csv").read_text().splitlines()
    assert refused[-1].startswith(f"{LAST},bad_number,{LAST},A{LAST},")
    assert Event.objects.filter(type=6).count() == 20


@pytest.mark.django_db
def test_the_policy_on_orders_holds_for_a_large_file():
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
    assert (books.run.rows_in, books.run.inserted) == (2 * BATCH, 20)
