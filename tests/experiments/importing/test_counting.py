"""A file with a row for each customer becomes exact sums for each arm, or a list of what is wrong with it."""

from pathlib import Path

import pytest

from customers.importing.people.files import examine
from experiments.importing.arms import arms_of, planned_shares, read, written
from experiments.importing.counting import ArmSums, MetricSums, Profile, count, profile
from experiments.importing.guessing import control_choices, likely_control
from experiments.importing.mapping import ColumnMapping, ImportProblem, amount_reader, metric_of, whether

SPEND, VISIT = metric_of("spend=spend:money:USD"), metric_of("visit=visit:rate")
MAPPING = ColumnMapping(variant="arm", control="none", metrics=(VISIT, SPEND), before="past")
FILE = """arm,past,visit,spend
mail,10.5,1,29.99
none,2,0,0
none,0.25,yes,10.005
mail,0,0,-1
"""


def counted(tmp_path: Path, text: str = FILE, mapping: ColumnMapping = MAPPING) -> list[ArmSums]:
    path = tmp_path / "file.csv"
    path.write_text(text)
    return count(path, examine(path, whole=True), mapping)


def refusal(tmp_path: Path, text: str, mapping: ColumnMapping = MAPPING) -> str:
    with pytest.raises(ImportProblem) as error:
        counted(tmp_path, text, mapping)
    return str(error.value)


def test_sums_squares_and_products_are_exact_and_the_control_comes_first(tmp_path: Path) -> None:
    none, mail = counted(tmp_path)
    assert (none.name, none.n, none.before, none.before_squares) == ("none", 2, 22_500, 20_000**2 + 2_500**2)
    assert none.metrics == [MetricSums(1, 1, 1, 2_500), MetricSums(1_001, 1_001**2, 1, 2_500 * 1_001)]
    assert (mail.name, mail.n, mail.before) == ("mail", 2, 105_000)
    assert mail.metrics[1] == MetricSums(2_899, 2_999**2 + 100**2, 2, 105_000 * 2_999)


def test_every_row_that_cannot_be_read_is_named_with_its_number(tmp_path: Path) -> None:
    text = FILE + "mail,1,2,3\nmail,1,1,\n,1,1,1\nmail,1,1\nmail,1,1,12,50\nmail,1,1,twelve\n"
    assert refusal(tmp_path, text).splitlines() == [
        "Row 5: “visit” is “2”, neither yes nor no: write 1 or 0.",
        "Row 6: “spend” is blank: write 0 for nothing.",
        "Row 7: “arm” is blank, so nobody knows the arm.",
        "Row 8: it has 3 cells, and there are 4 columns.",
        "Row 9: it has 5 cells, and there are 4 columns.",
        "Row 10: “spend” is “twelve”, not a number: write it plain, such as 1234.50.",
    ]


def test_after_twenty_rows_the_others_are_only_counted(tmp_path: Path) -> None:
    lines = refusal(tmp_path, FILE + "mail,1,x,3\n" * 25).splitlines()
    assert len(lines) == 20
    assert lines[-1].endswith(" And 5 more.")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("mail,1,1,1\nmail,1,1,1\n", "No row has “none” in “arm”; there are: mail."),
        (
            "none,1,1,1\nnone,1,1,1\n",
            "All rows are in the arm “none”: there is nothing to compare it with.",
        ),
        ("none,1,1,1\nnone,1,1,1\nmail,1,1,1\n", "Arm “mail” has one customer; it takes two at least."),
    ],
)
def test_a_file_without_two_arms_to_compare_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    assert refusal(tmp_path, "arm,past,visit,spend\n" + rows) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("m" * 101, "is too long for a name"),
        ("ma\0il", "holds bytes that are no text"),
        ("ma\udcffil", "holds bytes that are no text"),
    ],
)
def test_an_arm_whose_name_cannot_be_kept_is_refused(tmp_path: Path, name: str, said: str) -> None:
    path = tmp_path / "file.csv"
    rows = "arm,past,visit,spend\n" + "none,1,1,1\néé,1,1,1\n" * 40 + f"{name},1,1,1\n"
    path.write_bytes(rows.encode("utf-8", "surrogateescape"))
    with pytest.raises(ImportProblem, match=said):
        count(path, examine(path, whole=True), MAPPING)


def test_a_column_with_a_value_for_each_customer_cannot_name_arms(tmp_path: Path) -> None:
    rows = "".join(f"c{number},1,1,1\n" for number in range(30))
    assert refusal(tmp_path, "arm,past,visit,spend\n" + rows) == (
        "Column “arm” has more than 10 different values (c0, c1, c2 …), too many for arms."
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"variant": "group"}, "There is no column “group”; the file has: arm, past, visit, spend."),
        ({"before": "visit"}, "Column “visit” cannot be two things at once."),
        ({"metrics": ()}, "Say at least one column that measured something."),
        (
            {"metrics": (metric_of("a=visit:rate"), metric_of("a=spend:number"))},
            "Two metrics are called “a”.",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    mapping = ColumnMapping(
        **{"variant": "arm", "control": "none", "metrics": (VISIT,), "before": ""} | changed
    )
    assert refusal(tmp_path, FILE, mapping) == said


@pytest.mark.parametrize(
    "text", ["spend", "spend=spend", "=spend:rate", "spend=spend:euros", "a=b:money", "a=b:money:eur"]
)
def test_a_metric_that_is_not_said_in_full_is_refused(text: str) -> None:
    with pytest.raises(ImportProblem, match=r"is no metric|Say the currency of"):
        metric_of(text)


def test_a_column_may_have_colons_in_its_name() -> None:
    found = metric_of("spend=order: value:money:JPY")
    assert (found.column, found.kind, found.currency) == ("order: value", "money", "JPY")


@pytest.mark.parametrize(
    ("cell", "places", "kept"),
    [
        ("29.99", 2, 2999),
        ("-0.005", 2, -1),
        ("1e3", 0, 1000),
        ("0.65333", 2, 65),
        ("1e-999999", 2, 0),
        ("0e999999", 2, 0),
    ],
)
def test_amounts_are_rounded_to_the_minor_unit_halves_away_from_zero(
    cell: str, places: int, kept: int
) -> None:
    assert amount_reader(places)(cell) == kept


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "nan",
        "sNaN",
        "inf",
        "-Infinity",
        "1,5",
        "1e400",
        "$3",
        "1e999990",
        "-1e999999999",
        "1e99999999999999999999",
    ],
)
def test_what_is_no_amount_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match=r"not a number|too large"):
        amount_reader(2)(cell)


@pytest.mark.parametrize(("cell", "found"), [("1", 1), ("Yes", 1), ("FALSE", 0), ("0.0", 0)])
def test_yes_and_no_may_be_written_as_people_do(cell: str, found: int) -> None:
    assert whether(cell) == found


def test_what_was_planned_is_read_as_equal_unknown_or_shares() -> None:
    names = ["none", "mail"]
    assert planned_shares("equal", names) == [1.0, 1.0]
    assert planned_shares("unknown", names) == [None, None]
    assert planned_shares("mail=90, none=10", names) == [10.0, 90.0]


@pytest.mark.parametrize(
    "split", ["mail=90", "mail=90,none=0", "mail=1,none=1,other=1", "halves", "mail=x,none=1"]
)
def test_shares_that_do_not_name_each_arm_are_refused(split: str) -> None:
    with pytest.raises(ImportProblem, match=r"Plan a share above 0 for each arm|is no planned share"):
        planned_shares(split, ["none", "mail"])


def test_what_is_written_is_read_back_to_the_last_digit(tmp_path: Path) -> None:
    counted_arms = counted(tmp_path, FILE + "mail,90071992547.4099,1,9999999999999.99\n")
    arms = arms_of(counted_arms, MAPPING.metrics, split="equal", has_before=True)
    assert arms[1].sums["spend"].squares > 2**63
    assert read(written(arms)) == arms


def test_arms_whose_names_read_alike_get_keys_of_their_own(tmp_path: Path) -> None:
    text = "arm,visit\n" + "No mail,1\nno-mail,0\n✉,1\n" * 2
    mapping = ColumnMapping(variant="arm", control="✉", metrics=(VISIT,))
    arms = arms_of(counted(tmp_path, text, mapping), [VISIT], split="equal", has_before=False)
    assert [(arm.name, arm.key) for arm in arms] == [
        ("✉", "arm"),
        ("No mail", "no-mail"),
        ("no-mail", "no-mail-2"),
    ]


def test_a_profile_tells_what_a_column_could_be(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("arm,id,visit,spend\n" + "".join(f"a{n % 2},c{n},{n % 2},{n}.5\n" for n in range(40)))
    arm, id, visit, spend = profile(path, examine(path, whole=False))
    assert (arm.values, arm.is_numeric) == (("a0", "a1"), False)
    assert id.values == ()
    assert (visit.is_binary, spend.is_binary, spend.is_numeric) == (True, False, True)


def test_the_column_whose_name_and_values_read_like_arms_is_guessed_first() -> None:
    header = ["history_segment", "mens", "segment"]
    profiles = [
        Profile(("1) low", "2) high"), is_binary=False, is_numeric=False),
        Profile(("0", "1"), is_binary=True, is_numeric=True),
        Profile(("Mens E-Mail", "No E-Mail"), is_binary=False, is_numeric=False),
    ]
    choices = control_choices(header, profiles)
    assert [column for column, _ in choices] == ["segment", "history_segment", "mens"]
    assert likely_control(choices) == (2, "No E-Mail")
    assert likely_control([]) is None
