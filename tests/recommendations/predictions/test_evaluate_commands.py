"""The evaluation commands on files: good ones, and bad ones with the line."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from recommendations.predictions.files import read_table
from recommendations.predictions.methods.drift import profile
from recommendations.predictions.methods.tables import Encoding

LTV = ("--calibration-end", "2026-06-30", "--holdout-end", "2026-09-30")


def run(name: str, file: Path, *arguments: str) -> Any:
    answer = StringIO()
    call_command(name, str(file), *arguments, "--json", stdout=answer)
    return json.loads(answer.getvalue())


def shop(file: Path, *, customers: int = 150) -> Path:
    """Each buys every `n % 9 + 3` weeks until somewhere in the year, for `n` euros."""
    rows = [
        f"c{n},{np.datetime64('2026-01-01') + np.timedelta64(7 * week + n % 50, 'D')},{n % 40 + 1}.50"
        for n in range(customers)
        for week in range(0, n * 7 % 41 + 1, n % 9 + 3)
    ]
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.write("\n".join(["customer,date,amount", *rows]))
    return file


def test_ltv_is_judged_on_a_zipped_file(tmp_path: Path) -> None:
    found = run("evaluate_ltv", shop(tmp_path / "sales.csv.gz"), *LTV)
    assert found["customers"] == 150
    assert found["parameters"]["trees"] == 0
    assert 0 < found["capture"] < found["best_capture"] < 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: there is no header"),
        ("customer,date\n1,2026-01-01\n", "line 1: there is no column amount; there are customer, date"),
        ("customer,date,amount,date\n", "line 1: the column date comes twice"),
        ("customer,date,amount\n", "there is no row below the header"),
        ("customer,date,amount\na,2026-01-01,1\na,yesterday,1\n", "line 3: 'yesterday' is no date"),
        ("customer,date,amount\na,2026-01-01,nan\n", "line 2: 'nan' in amount is no amount"),
        ("customer,date,amount\na,2026-01-01,1e300\n", "line 2: '1e300' in amount is no amount"),
        ("customer,date,amount\na,2026-09-30,5\n", "not enough data: 0 of 100 customers"),
        (
            "customer,date,amount\na,2026-09-29,5\n",
            "the last purchase is of 2026-09-29; the holdout cannot end",
        ),
        ("customer,date,amount\n\n,2026-01-01,1\n", "line 3: customer is empty"),
        ("customer,date,amount\na,2026-01-01\n", "line 2: 2 cells under 3 columns"),
        ("customer,date,amount\na,2026-01-01,5\nb,2026-09-30,5\n", "not enough data: 1 of 100 customers"),
    ],
)
def test_a_bad_file_of_purchases_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "sales.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match=f"sales.csv: {message}") as error:
        call_command("evaluate_ltv", str(file), *LTV)
    assert error.value.returncode == 2


@pytest.mark.parametrize("content", [b"customer,date,amount\n\xff,2026-01-01,1\n", b"\x00\x01\x02"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("sales.csv", "sales.csv.gz"):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(CommandError, match=name):
            call_command("evaluate_ltv", str(file), *LTV)


def test_a_missing_file_and_a_holdout_that_ends_first_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("evaluate_ltv", str(tmp_path / "none.csv"), *LTV)
    backwards = ("--calibration-end", "2026-06-30", "--holdout-end", "2026-06-30")
    with pytest.raises(CommandError, match="must end after"):
        call_command("evaluate_ltv", str(tmp_path / "none.csv"), *backwards)


def buyers(file: Path) -> Path:
    """`days` decides; `leak` is the target itself."""
    rng = np.random.default_rng(1)
    days = rng.integers(0, 100, 400)
    bought = (rng.random(400) < 1 / (1 + np.exp(days / 10 - 4))).astype(int)
    rows = [
        f"{day},{('GB', '')[day % 2]},{'yes' if one else 'no'},{one}"
        for day, one in zip(days, bought, strict=True)
    ]
    file.write_text("\n".join(["days,country,bought,leak", *rows]))
    return file


@pytest.mark.parametrize("order", [(), ("--time-ordered",)])
def test_classifiers_compete_without_the_dropped_column(tmp_path: Path, order: tuple[str, ...]) -> None:
    arguments = ("--target", "bought", "--drop", "leak", *order)
    found = run("evaluate_classifier", buyers(tmp_path / "buyers.csv"), *arguments)
    judged = found["families"][found["champion"]]
    assert judged["rows"] == (320 if order else 400)
    assert 0.85 < judged["auc"] < 0.97
    assert set(found["columns"]) == {"days", "country"}


def test_classifiers_are_printed_as_tables(tmp_path: Path) -> None:
    answer = StringIO()
    file = buyers(tmp_path / "buyers.csv")
    call_command("evaluate_classifier", str(file), "--target", "bought", "--drop", "leak", stdout=answer)
    assert all(
        word in answer.getvalue() for word in ("Logistic regression", "Random forest", "AUC", "country")
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,1\n2,maybe\n", "line 3: 'maybe' in b is neither 0 nor 1"),
        ("a,c\n1,1\n", "line 1: there is no column b; there are a, c"),
        ("b\n1\n0\n", "no column is left to predict from"),
        ("a,b\n1,1\n2,0\n", "not enough data: 1 of 50 positive rows"),
        ("a,b\n" + "x,1\n" * 99, "not enough data: 0 of 50 negative rows"),
        ("a,b\n1,nan\n", "line 2: 'nan' in b is neither 0 nor 1"),
        ("", "line 1: there is no header"),
    ],
)
def test_a_bad_file_of_rows_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match=f"rows.csv: {message}") as error:
        call_command("evaluate_classifier", str(file), "--target", "b")
    assert error.value.returncode == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: there is no header"),
        ("mailed,age,bought\n", "there is no row below the header"),
        ("mailed,age\n1,30\n", "line 1: there is no column bought; there are mailed, age"),
        ("mailed,age,bought\n1,30,1\n2,30,1\n", "line 3: '2' in mailed is neither 0 nor 1"),
        ("mailed,age,bought\n1,30,nan\n", "line 2: 'nan' in bought is neither 0 nor 1"),
        ("mailed,age,bought\n1,30,1\n0,31\n", "line 3: 2 cells under 3 columns"),
        ("mailed,bought\n1,1\n", "no column is left to predict from"),
        (
            "mailed,age,bought\n" + "1,x7,1\n" * 600,
            "not enough data: all 600 treated customers have the outcome",
        ),
    ],
)
def test_a_bad_file_of_an_experiment_is_refused_with_its_line(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "mails.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match=f"mails.csv: ({message})") as error:
        call_command("evaluate_uplift", str(file), "--treatment", "mailed", "--outcome", "bought")
    assert error.value.returncode == 2


def test_one_row_in_time_order_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,1\n")
    with pytest.raises(CommandError, match="not enough data: 1 of 50 positive rows"):
        call_command("evaluate_classifier", str(file), "--target", "b", "--time-ordered")


def test_a_long_text_takes_its_own_room_only(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    rows = [f"{'w' * 100_000},1", *(f"{('red', 'blue', '')[n % 3]},{n % 2}" for n in range(3000))]
    file.write_text("\n".join(["text,bought", *rows]))
    table, (bought,) = read_table(file, outcomes=["bought"])
    assert table.columns["text"].nbytes < 100_000
    assert table.fill_rates() == {"text": 2001 / 3001}
    assert Encoding.of(table).levels == {"text": ["", "blue", "red"]}
    assert profile(table.columns["text"])["levels"][:3] == ["", "blue", "red"]
    assert bought.sum() == 1501


def test_uplift_leaves_out_what_came_after_the_treatment(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    mailed, age = rng.integers(0, 2, 3000), rng.integers(20, 60, 3000)
    bought = (rng.random(3000) < 0.1 + 0.1 * mailed).astype(int)
    rows = [f"{m},{a},{b},{b * 20}" for m, a, b in zip(mailed, age, bought, strict=True)]
    file = tmp_path / "experiment.csv"
    file.write_text("\n".join(["mailed,age,bought,spend", *rows]))
    found = run("evaluate_uplift", file, "--treatment", "mailed", "--outcome", "bought")
    assert found["left_out"] == ["spend"]
    assert (found["treated"], found["control"]) == (int(mailed.sum()), int(3000 - mailed.sum()))
    assert found["effect"]["estimate"] == pytest.approx(0.1, abs=0.03)


def test_uplift_needs_a_column_that_was_known_before(tmp_path: Path) -> None:
    rows = [f"{n % 2},{n % 2 * 5 + n % 3},{n % 3 // 2}" for n in range(2000)]
    file = tmp_path / "experiment.csv"
    file.write_text("\n".join(["mailed,spend,bought", *rows]))
    with pytest.raises(CommandError, match="no column is left to predict from: spend came after"):
        call_command("evaluate_uplift", str(file), "--treatment", "mailed", "--outcome", "bought")


def test_names_that_differ_in_every_row_say_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(["name,bought", *(f"n{n},{n % 2}" for n in range(400))]))
    found = run("evaluate_classifier", file, "--target", "bought")
    assert found["families"]["logistic"]["auc"] == 0.5


def test_one_column_cannot_be_treatment_and_outcome(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="the same column"):
        call_command("evaluate_uplift", str(tmp_path / "x.csv"), "--treatment", "a", "--outcome", "a")
