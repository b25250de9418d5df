"""What is kept of each run, and what a run is judged by when it ends."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from customers.importing.run import BATCH
from customers.models import SyncRun
from customers.quality.checks import span, stale
from customers.quality.watch import RunProfile, Watch
from tests.customers.reading import HEADER, line, promising, read

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 3, 12, tzinfo=UTC)  # a Tuesday


def sentences(run: SyncRun) -> list[str]:
    return [one["sentence"] for one in run.findings]


def profile(*batches: list[list[str]]) -> RunProfile:
    made = RunProfile()
    watch = Watch({}, header=HEADER, profile=made)
    for batch in batches:
        watch.look(batch)
    return made


def test_a_run_keeps_its_columns_keys_and_newest_time() -> None:
    run = read([line(9, at="2026-02-01T10:00:00Z"), line(10, at="2026-02-03T10:00:00Z", country="")])
    assert (run.first_key, run.last_key) == ("9", "10")
    assert run.watermark == datetime(2026, 2, 3, 10, tzinfo=UTC)
    assert {name: (one["type"], one["empty"]) for name, one in run.columns.items()} == {
        "id": ("number", 0),
        "order": ("text", 0),
        "at": ("date", 0),
        "amount": ("number", 0),
        "buyer": ("text", 0),
        "mail": ("text", 0),
        "country": ("text", 1),
    }


def test_a_time_in_the_future_does_not_move_the_watermark(tmp_path) -> None:
    run = read([line(1), line(2, at="2999-01-01T00:00:00Z")], folder=tmp_path)
    assert run.watermark == datetime(2026, 2, 1, 10, tzinfo=UTC)


def test_checksums_know_no_order_and_no_batches_but_every_cell() -> None:
    rows = [line(number) for number in range(20)]
    whole = profile(rows).columns_as_json()
    assert profile(rows[7:][::-1], rows[:7]).columns_as_json() == whole
    changed = profile([*rows[:-1], line(19, country="GB")]).columns_as_json()
    assert [name for name in HEADER if changed[name]["checksum"] != whole[name]["checksum"]] == ["country"]
    assert profile([*rows, rows[0]]).columns_as_json()["id"]["checksum"] != whole["id"]["checksum"]


def test_the_checksum_of_a_column_is_the_same_in_every_process() -> None:
    assert profile([line(1)]).columns_as_json()["id"]["checksum"] == "f6fc42039fba3776"


def test_columns_that_go_come_and_change_are_told_in_words() -> None:
    with time_machine.travel(AT, tick=False):
        read([line(number) for number in range(3)])
    header = ["id", "order", "at", "amount", "buyer", "mail", "country", "note"]
    rows = [[*line(number, country="", order=str(number)), "x"] for number in range(3, 6)]
    assert sentences(read(rows, header=header)) == [
        "Column country is empty now; it held text.",
        "Column note is new.",
        "Column order holds number now; it held text.",
    ]


def test_a_column_that_disappears_is_a_warning() -> None:
    with time_machine.travel(AT, tick=False):
        read([[*line(1), "x"]], header=[*HEADER, "note"])
    run = read([line(2)])
    assert run.findings == [{"level": "warn", "about": "columns", "sentence": "Column note disappeared."}]


def test_the_same_columns_again_are_no_news() -> None:
    with time_machine.travel(AT, tick=False):
        read([line(1)])
    assert read([line(2)]).findings == []


def test_a_column_that_is_empty_more_often_than_before_is_told() -> None:
    mapping = promising({"column": "mail", "empty_share": {"within_points": 10}, "level": "error"})
    with time_machine.travel(AT, tick=False):
        read([line(number) for number in range(40)], mapping)
    run = read(
        [line(number, mail="" if number % 4 == 0 else "a@b.example") for number in range(40, 80)], mapping
    )
    assert sentences(run) == [
        "mail is empty in 25.0% of the rows; in the runs before it was 0.0%, and 10 points of difference are"
        " expected at most."
    ]
    assert (run.status, run.findings[0]["level"], run.inserted) == (SyncRun.Status.SUCCEEDED, "error", 40)


def test_a_few_rows_say_nothing_about_shares() -> None:
    mapping = promising({"column": "mail", "empty_share": {"within_points": 10}, "level": "error"})
    with time_machine.travel(AT, tick=False):
        read([line(number) for number in range(40)], mapping)
    assert read([line(41, mail="")], mapping).findings[1:] == []


def past(weeks: int, rows: int, *, hours: int = 0) -> None:
    at = AT - timedelta(weeks=weeks, hours=hours)
    SyncRun.objects.create(source="shop", status="succeeded", started_at=at, rows_in=rows, inserted=rows)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            40,
            [
                "40 rows this Tuesday until 12:00; 100 is the median of the 4 Tuesdays before until then: 60% fewer,"
                " and 50 % is expected at most."
            ],
        ),
        (60, []),
        (140, []),
    ],
)
def test_the_volume_is_compared_with_the_same_weekdays_until_the_same_time(rows, told) -> None:
    for week, count in enumerate((80, 100, 100, 900), start=1):
        past(week, count)
    past(1, 5000, hours=-3)
    past(0, 10, hours=4)
    mapping = promising({"volume": {"within_percent": 50}, "level": "warn"})
    with time_machine.travel(AT, tick=False):
        run = read([line(number) for number in range(rows - 10)], mapping)
    assert sentences(run) == told


def test_one_week_is_no_measure_of_volume() -> None:
    past(1, 1000)
    with time_machine.travel(AT, tick=False):
        run = read([line(1)], promising({"volume": {"within_percent": 50}, "level": "error"}))
    assert run.findings == []


def test_a_run_that_refuses_many_rows_is_bad_though_nobody_promised_anything(tmp_path) -> None:
    run = read([line(1), line(2), line(3, at="never"), line(4, order="test")], folder=tmp_path)
    assert run.findings == [
        {
            "level": "error",
            "about": "rows",
            "sentence": "25% of the rows were refused; more than 20% is too many.",
        }
    ]


def test_faults_are_counted_over_all_batches() -> None:
    mapping = promising({"column": "country", "required": True, "level": "warn"})
    rows = [line(number, country="" if number in (1, BATCH + 1) else "IE") for number in range(BATCH + 2)]
    assert sentences(read(rows, mapping)) == [
        f"2 of {BATCH + 2:,} rows: country is empty; they were stored all the same."
    ]


@pytest.mark.parametrize(("hours", "count"), [(23, 0), (25, 1)])
def test_a_source_whose_newest_row_is_too_old_is_stale(hours, count) -> None:
    promised = [{"freshness": {"hours": 24}, "level": "error"}]
    with time_machine.travel(AT, tick=False):
        assert len(stale(promised, AT - timedelta(hours=hours))) == count


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=30), "a moment"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=30), "30 hours"),
        (timedelta(days=3, hours=5), "3 days"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(length, words) -> None:
    assert span(length) == words
