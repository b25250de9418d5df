"""Files as they come: encodings, delimiters, dates, and what only looks like a list."""

import gzip
from pathlib import Path

import pytest

from customers.importing.people import files
from customers.importing.people.batches import Seen
from customers.importing.people.files import UnreadableFile, examine, rows
from customers.importing.people.guessing import guess, source_name
from customers.importing.people.parsing import converter
from customers.importing.values import BadRow


def kept(tmp_path: Path, content: bytes | str) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", []), ("utf-8-sig", []), ("cp1252", ["The file is not UTF-8"]), ("utf-16", [])],
)
def test_the_encoding_is_found_out(tmp_path, encoding, told):
    path = kept(tmp_path, "email;city\na@example.com;Köln\nb@example.com;Málaga\n".encode(encoding))
    file = examine(path, whole=True)
    assert list(rows(path, file)) == [["a@example.com", "Köln"], ["b@example.com", "Málaga"]]
    assert [notice[: len(told[0])] for notice in file.notices] == told


def test_one_damaged_character_does_not_change_the_encoding(tmp_path):
    path = kept(tmp_path, "email,city\na@x.de,Köln\nb@x.de,Zürich\n".encode() + b"c@x.de,Sk\xf6vde\n")
    file = examine(path, whole=True)
    assert file.encoding == "utf-8-sig"
    assert [row[1] for row in rows(path, file)][:2] == ["Köln", "Zürich"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "pipe"])
def test_the_delimiter_is_found_out(tmp_path, delimiter):
    path = kept(tmp_path, delimiter.join(["email", "city", "country"]) + "\na@example.com\n")
    assert examine(path, whole=True).header == ["email", "city", "country"]


def test_a_list_without_names_of_columns_is_read_from_its_first_line(tmp_path):
    path = kept(tmp_path, "a@example.com,Ann\nb@example.com,Bob\n")
    file = examine(path, whole=True)
    assert (file.header, file.rows, len(list(rows(path, file)))) == (["Column 1", "Column 2"], 2, 2)
    assert guess(file).columns == {"email": "Column 1"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "empty"),
        ("email,city,email\nx,y,z\n", "Columns 1 and 3 are both called “email”"),
        ("email\n" + "x" * (2 << 20), "longer than a megabyte"),
        ('email,city\na@x.de,"Köln\n' + "b@x.de,Bonn\n" * 5, "opens in line 2 is not closed"),
        ("email\n", "no rows"),
        (",".join(["c"] * 300) + "\n1\n", "more than 200 columns"),
    ],
    ids=["empty", "alike", "long-line", "open-quote", "only-names", "wide"],
)
def test_what_cannot_be_read_to_its_end_is_refused(tmp_path, content, sentence):
    with pytest.raises(UnreadableFile, match=sentence):
        examine(kept(tmp_path, content), whole=True)


def test_more_rows_than_the_limit_are_refused_with_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_ROWS", 600)
    assert examine(kept(tmp_path, "email\n" + "a@x.de\n" * 600), whole=True).rows == 600
    with pytest.raises(UnreadableFile, match="more than 600 rows"):
        examine(kept(tmp_path, "email\n" + "a@x.de\n" * 601), whole=True)


def test_a_small_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 4 << 20)
    bomb = gzip.compress(b"email\n" + b"a@example.com\n" * 400_000)
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableFile, match="larger than 4 MB"):
        examine(kept(tmp_path, bomb), whole=True)


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ("Prénom,Nom,Courriel", "Zoé,Roux,zoe@example.com", {"email": 2, "first_name": 0, "last_name": 1}),
        ("Kontakt;Geboren", "a@example.com;24.12.1970", {"email": 0, "birth_date": 1}),
        ("E-Mail-Adresse,PLZ,Ort", "a@example.com,50667,Köln", {"email": 0, "city": 2}),
        ("x,Newsletter?", "a@example.com,yes", {"email": 0, "consent": 1}),
        ("email,country", "a@example.com,12345", {"email": 0}),
    ],
    ids=["french", "by-content", "german", "consent", "contradicted"],
)
def test_columns_are_guessed_by_name_and_content(tmp_path, header, row, columns):
    file = examine(kept(tmp_path, f"{header}\n{row}\n"), whole=False)
    assert guess(file).columns == {field: file.header[index] for field, index in columns.items()}


def test_american_dates_are_recognised_by_their_impossible_months(tmp_path):
    file = examine(kept(tmp_path, "email,birthday\na@x.de,12/31/1980\nb@x.de,01/02/1990\n"), whole=False)
    assert guess(file).dates == "month_first"


@pytest.mark.parametrize(
    ("field", "written", "stored"),
    [
        ("birth_date", "31.12.1980", "1980-12-31"),
        ("birth_date", "1980-12-31", "1980-12-31"),
        ("birth_date", "0000-00-00", None),
        ("birth_date", "1850-01-01", BadRow),
        ("birth_date", "31.02.1980", BadRow),
        ("country", "Deutschland", "DE"),
        ("country", "uk", "GB"),
        ("country", "Grande-Bretagne", BadRow),
        ("gender", "Frau", "female"),
        ("consent", "Ja", True),
        ("consent", "0", False),
        ("consent", "", None),
        ("consent", "perhaps", BadRow),
        ("timezone", "Europe/Dublin", "Europe/Dublin"),
        ("timezone", "../etc/passwd", BadRow),
        ("signed_up_at", "2020-01-02 03:04", "2020-01-02T03:04:00+00:00"),
        ("signed_up_at", "02/01/2020", "2020-01-02T00:00:00+00:00"),
        ("first_name", "'=Ann", "=Ann"),
        ("first_name", "x" * 151, BadRow),
        ("email", " Ann@EXAMPLE.com ", "Ann@example.com"),
        ("email", "ann@", BadRow),
    ],
)
def test_cells_become_what_is_stored(field, written, stored):
    convert = converter(field, month_first=False)
    if stored is BadRow:
        with pytest.raises(BadRow):
            convert(written)
    else:
        assert convert(written) == stored


def test_repeats_are_known_across_batches():
    seen = Seen()
    assert seen.repeats(["a", None, "b", "a"]) == [False, False, False, True]
    assert seen.repeats([None, "b", "c", None]) == [False, True, False, False]
    assert seen.repeats(["c", "d"]) == [True, False]


def test_a_source_gets_its_name_from_the_file():
    assert source_name("Spring list 2026.csv.gz") == "spring_list_2026"
    assert source_name("Anonymous.csv") == "list"
