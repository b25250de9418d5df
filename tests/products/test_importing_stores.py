"""Stores from a CSV file: all or none, the same file twice, and what is wrong by line."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from products.models import Store
from products.places import City, load_places

pytestmark = pytest.mark.django_db
HEADER = "id,name,country,region,city,latitude,longitude,opening_hours,open"
LEEDS = "s1,Leeds,gb,Yorkshire,Leeds,53.8,-1.55,Mon–Sat 9–18,yes"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(*lines: str, header: str = HEADER, **options: object) -> str:
        path = tmp_path / "stores.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        call_command("import_stores", str(path), **options)
        return capsys.readouterr().out.strip()

    return run


def test_a_line_becomes_a_store(run) -> None:
    assert run(LEEDS) == "1 new, 0 changed, 0 unchanged."
    store = Store.objects.get()
    assert (store.source, store.external_id, store.country, store.region) == ("own", "s1", "GB", "Yorkshire")
    assert (store.latitude, store.longitude, store.opening_hours, store.is_open) == (
        53.8,
        -1.55,
        "Mon–Sat 9–18",
        True,
    )


def test_the_same_file_again_changes_nothing(run) -> None:
    run(LEEDS)
    assert run(LEEDS) == "0 new, 0 changed, 1 unchanged."


def test_what_differs_is_changed_and_what_is_not_named_stays(run) -> None:
    run(LEEDS, "s2,York,GB,Yorkshire,York,53.96,-1.08,,")
    assert run(LEEDS.replace("yes", "no")) == "0 new, 1 changed, 0 unchanged."
    assert dict(Store.objects.values_list("external_id", "is_open")) == {"s1": False, "s2": True}


def test_a_trial_only_says_what_would_change(run) -> None:
    assert run(LEEDS, dry_run=True) == "Would be: 1 new, 0 changed, 0 unchanged."
    assert not Store.objects.exists()


def test_each_source_has_ids_of_its_own(run) -> None:
    run(LEEDS)
    assert run(LEEDS, source="erp") == "1 new, 0 changed, 0 unchanged."
    assert Store.objects.count() == 2


def test_without_coordinates_it_stands_in_the_middle_of_its_city(run) -> None:
    load_places([City("GB", "Leeds", 53.796, -1.547, 455_123)])
    run("s1,Leeds,GB,,LEEDS,,,,")
    assert list(Store.objects.values_list("latitude", "longitude")) == [(53.796, -1.547)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("s1,Leeds,GB,,Leeds,north,-1.5,,", "Line 2: latitude is no number: “north”."),
        ("s1,Leeds,GB,,Leeds,53.8,,,", "Line 2: latitude and longitude go together; one of them is missing."),
        ("s1,Leeds,GB,,Leeds,53.8,nan,,", "Line 2: longitude is no number: “nan”."),
        (
            "s1,Leeds,GB,,Leeds,99,0,,",
            "Line 2: latitude: Ensure this value is less than or equal to 90.",
        ),
        ("s1,Leeds,GBR,,Leeds,53.8,-1.5,,", "Line 2: country: Two capital letters, such as GB."),
        (",Leeds,GB,,Leeds,53.8,-1.5,,", "Line 2: id: This field cannot be blank."),
        ("s1,Leeds,GB,,Leeds,53.8,-1.5,,perhaps", "Line 2: open is yes or no, not “perhaps”."),
        ("s1,Leeds,GB", "Line 2: it has more or fewer values than the first line has columns."),
        (
            "s1,Nowhere,GB,,Nowhere,,,,",
            "Line 2: the city “Nowhere” is not known in GB; give latitude and longitude.",
        ),
    ],
    ids=["no number", "half", "nan", "off earth", "country", "no id", "open", "short", "city"],
)
def test_a_wrong_line_is_named_and_nothing_is_stored(run, line: str, problem: str) -> None:
    load_places([City("GB", "Leeds", 53.796, -1.547, 455_123)])
    with pytest.raises(CommandError) as refused:
        run(line, "s2,York,GB,,York,53.96,-1.08,,")
    assert str(refused.value).startswith(problem)
    assert refused.value.returncode == 2
    assert not Store.objects.exists()


def test_an_id_that_stands_twice_is_refused(run) -> None:
    with pytest.raises(CommandError, match=r"^Line 3: the id s1 stands in line 2 already\.$"):
        run(LEEDS, LEEDS)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("id,name", "Line 1: there is no column country; known are"),
        ("id,name,country,phone", "Line 1: the column “phone” is not known; known are"),
    ],
)
def test_columns_are_checked_first(run, header: str, problem: str) -> None:
    with pytest.raises(CommandError) as refused:
        run(header=header)
    assert str(refused.value).startswith(problem)
