"""The main job on a slice of real orders, with a site of its own to click on."""

import os
from pathlib import Path

import pytest

from tests.flows.main_job import main_job
from tests.flows.programs import point_programs_here

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail.csv.gz"
ROWS = 15_000


@pytest.mark.shared_data
@pytest.mark.django_db(transaction=True)
def test_the_main_job_goes_through_and_every_count_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/online_retail.csv.gz is absent: the main job was not run on real orders")
    point_programs_here(monkeypatch)
    books = main_job(FILE, ROWS, orders=1, engine="item_knn")
    assert books.rows == ROWS
    assert books.clicks == 1
    assert min(books.arms.values()) > 0
    [converted] = [arm for arm in books.report["report"]["arms"] if arm["outcomes"]["converters"]]
    assert (converted["outcomes"]["key"], converted["outcomes"]["orders"]) == ("b", 1)
