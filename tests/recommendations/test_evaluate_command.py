import gzip
import json
import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from recommendations.recipes import ENGINES

RETAIL = settings.BASE_DIR.parent / "shared" / "data" / "online_retail.csv.gz"
LAST = "--protocol=leave_last_out"


def evaluate(file: Path, *options: str) -> dict[str, Any]:
    answer = StringIO()
    call_command("evaluate_recommender", file, *options, "--json", stdout=answer)
    return json.loads(answer.getvalue())


def written(folder: Path, lines: Sequence[str], name: str = "sales.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines))
    return file


def refused(file: Path, *options: str) -> str:
    with pytest.raises(CommandError) as error:
        evaluate(file, *options)
    assert error.value.returncode == 2
    return str(error.value)


def cycles() -> list[str]:
    """Sixty users who alternate between three items of their own, daily for 30 days."""
    rows = [f"u{u},i{u % 6 * 3 + day % 3},2026-01-{day + 1:02d}" for u in range(60) for day in range(30)]
    return ["user,item,timestamp", *rows]


def chains() -> list[str]:
    """Forty users who walk the same ring of ten items, from different places."""
    return [f"user{u} " + " ".join(f"item{(u + n) % 10}" for n in range(6)) for u in range(40)]


def test_neighbours_find_the_users_own_cycle(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv.gz"
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.write("\n".join(cycles()))
    result = evaluate(file, "--engine=popularity,item_knn", "--holdout-days=5", "--k=3", "--repeats=allow")
    assert (result["interactions"], result["users"], result["items"], result["fitted_on"]) == (
        1800,
        60,
        18,
        1500,
    )
    assert result["engines"]["item_knn"]["recall@3"] == 1.0
    assert result["engines"]["item_knn"]["precision@3"] == 1.0
    assert result["engines"]["item_knn"]["against_popularity"]["verdict"] == "better"


def test_the_next_item_of_a_chain_is_ranked_first(tmp_path: Path) -> None:
    file = written(tmp_path, chains(), "walks.txt")
    engine = evaluate(file, LAST, "--engine=sequential_knn", "--k=1")["engines"]["sequential_knn"]
    assert (engine["users"], engine["ndcg@1"]) == (40, 1.0)


def test_neither_test_nor_validation_is_fitted_on(tmp_path: Path) -> None:
    file = written(tmp_path, chains(), "walks.txt")
    on = {
        part: evaluate(file, LAST, "--engine=popularity", f"--on={part}") for part in ("test", "validation")
    }
    assert on["test"]["fitted_on"] == on["validation"]["fitted_on"] == 40 * 4


def test_rows_that_say_nothing_are_left_out_and_counted(tmp_path: Path) -> None:
    odd = [",i1,2026-01-01,1", "u1,NaN,2026-01-01,1", "u1,i1,2026-01-01,1", "u1,i2,2026-01-01,-1"]
    rows = ["user,item,timestamp,weight", *(f"{row},1" for row in cycles()[1:]), *odd]
    result = evaluate(written(tmp_path, rows), "--engine=popularity", "--repeats=allow")
    assert result["interactions"] == 1801
    assert result["left_out"] == {"without a user or an item": 2, "with a weight of zero or less": 1}


@pytest.mark.parametrize(("separator", "around"), [("\t", ""), ('","', '"')], ids=["tabs", "quoted"])
def test_a_table_may_have_tabs_or_quotation_marks(tmp_path: Path, separator: str, around: str) -> None:
    rows = [f"{around}{row.replace(',', separator)}{around}" for row in cycles()]
    result = evaluate(written(tmp_path, rows), "--engine=popularity", "--repeats=allow")
    assert (result["interactions"], result["users"], result["items"]) == (1800, 60, 18)


def test_doubles_of_a_row_count_once(tmp_path: Path) -> None:
    rows = [*cycles(), cycles()[1], cycles()[2]]
    result = evaluate(written(tmp_path, rows), "--engine=popularity", "--repeats=allow")
    assert (result["interactions"], result["left_out"]) == (1800, {"doubles of another row": 2})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: there is neither a header nor a sequence"),
        (["who,item,timestamp"], "line 1: there is no column 'user'; there are who, item, timestamp"),
        (
            ["user,item,timestamp", "a,b,1", "a,c,yesterday"],
            "line 3: the time 'yesterday' is neither ISO 8601",
        ),
        (
            ["user,item,timestamp", "a,b,1767225600000"],
            "line 2: the time '1767225600000' is not within the years",
        ),
        (["user,item,timestamp", "a,b,nan"], "line 2: the time 'nan' is not within"),
        (["user,item,timestamp,weight", "a,b,1,nan"], "line 2: the weight 'nan' is no number"),
        (
            ["user,item,timestamp,weight", "a,b,1,1", "a,c,2,1e-50"],
            "line 3: the weight '1e-50' is not between",
        ),
        (
            ["user,item,timestamp,weight", "a,b,1,1e300"],
            "line 2: the weight '1e300' is not between 0.000001 and 1,000,000",
        ),
        (["user,item,timestamp", "a,b"], "line 2: there are 2 columns, the header has 3"),
        (["a b c", "d"], "line 2: user 'd' has no item"),
        (["user,item,timestamp", ",b,1"], "has no usable row; 1 were left out"),
        (["196\t242\t3\t881250949"] * 9, "line 1: there are tabs, but no heading with a column 'user'"),
        (['user,item,"timestamp', "a,b,1"], "line 1: unexpected end of data"),
    ],
    ids=[
        "empty",
        "header",
        "time",
        "milliseconds",
        "nan_time",
        "nan_weight",
        "tiny_weight",
        "huge_weight",
        "short",
        "lonely",
        "nothing",
        "tabs",
        "open_header",
    ],
)
def test_it_names_the_line_that_it_cannot_read(tmp_path: Path, lines: list[str], message: str) -> None:
    assert message in refused(written(tmp_path, lines), LAST)


@pytest.mark.parametrize("rows_after", [1_000, 20_000], ids=["short", "longer_than_a_field"])
def test_a_quotation_mark_that_is_never_closed_swallows_no_rows(tmp_path: Path, rows_after: int) -> None:
    before = ["user,item,timestamp,note", "a,b,1,fine", 'a,c,2,"two', 'lines"']
    after = [f"b,{n},{n},x" for n in range(rows_after)]
    message = refused(written(tmp_path, [*before, 'a,d,3,"oops', *after]), LAST)
    assert message.startswith("sales.csv, line 5: ")
    assert message.endswith("is a quotation mark of this row not closed?")


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (["a b c d"], ["--engine=magic"], "There is no engine called 'magic'; there are popularity"),
        (["a b c d"], ["--protocol=temporal"], "has no times, so it cannot be cut at one"),
        (["a b", "c d"], [LAST], "no user has three interactions"),
        (["user,item,timestamp", "a,b,1"], [], "nobody who comes up before the last 28 days"),
        (["a b c d"], ["--k=0"], "must be more than zero"),
        (cycles(), ["--holdout-days=nan"], "must be more than zero, the days at most 36,500"),
        (cycles(), ["--holdout-days=1e300"], "must be more than zero, the days at most 36,500"),
        (["a b c d"], [LAST, "--columns=colour=x"], "is not of the form user|item|timestamp|weight=NAME"),
    ],
    ids=["engine", "times", "short", "one_row", "k", "nan_days", "many_days", "columns"],
)
def test_it_says_why_it_cannot_judge(
    tmp_path: Path, lines: list[str], options: list[str], message: str
) -> None:
    assert message in refused(written(tmp_path, lines), *options)


ALL_ENGINES = ",".join(ENGINES)


@pytest.mark.parametrize("lines", [["a b c d e"], ["a x x x x", "b x x x x"]], ids=["one_user", "one_item"])
def test_every_engine_survives_next_to_nothing(tmp_path: Path, lines: list[str]) -> None:
    result = evaluate(written(tmp_path, lines, "s.txt"), LAST, f"--engine={ALL_ENGINES}", "--repeats=allow")
    assert sorted(result["engines"]) == sorted(ALL_ENGINES.split(","))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("items.json", "[1, 2]", "an object of lists is needed"),
        ("items.json", '{"a": 4}', "the features of 'a' are no list"),
        ("items.json", "{", "is no JSON"),
        ("items.csv", "id", "line 1: an id and at least one feature are needed"),
        ("items.csv", "id,colour\na,red,4", "line 2: there are 3 columns, the header has 2"),
    ],
    ids=["list", "number", "broken", "id_only", "long_row"],
)
def test_it_says_what_is_wrong_with_features(tmp_path: Path, name: str, content: str, message: str) -> None:
    features = written(tmp_path, [content], name)
    assert message in refused(written(tmp_path, chains(), "walks.txt"), LAST, f"--items={features}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("item,name\na,Café\nb,red".encode("latin-1"), "items.csv is no text: 'utf-8' codec"),
        (b'item,name\na,red\nb,"red\nc,red', "items.csv, line 3: unexpected end of data"),
    ],
    ids=["latin_1", "open"],
)
def test_features_that_are_no_proper_text_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    features = tmp_path / "items.csv"
    features.write_bytes(content)
    assert refused(written(tmp_path, chains()), LAST, f"--items={features}").startswith(message)


def test_it_prints_a_table(tmp_path: Path) -> None:
    answer = StringIO()
    options = ["--engine=popularity,item_knn", "--holdout-days=5", "--repeats=allow"]
    call_command("evaluate_recommender", written(tmp_path, cycles()), *options, stdout=answer)
    assert "1,800 interactions of 60 users with 18 items." in answer.getvalue()
    assert "Fitted on 1,500, asked for 60 users; all items are ranked." in answer.getvalue()
    assert "Item neighbours" in answer.getvalue()


@pytest.mark.long
@pytest.mark.shared_data
def test_the_shops_own_file_is_read_by_its_mapping() -> None:
    if not RETAIL.is_file():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/online_retail.csv.gz is absent: the recommenders were not judged on it")
    result = evaluate(RETAIL, "--mapping=online_retail", "--engine=popularity", "--repeats=allow")
    assert result["engines"]["popularity"]["users"] == 1318
