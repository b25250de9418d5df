import gzip
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def lines() -> list[str]:
    """Sixty users who alternate between three items of their own, daily for 30 days, and two bad rows."""
    rows = [
        f"u{u},i{u % 6 * 3 + day % 3},2026-01-{day + 1:02d}T12:00:00,1"
        for u in range(60)
        for day in range(30)
    ]
    return ["who,what,at,count", *rows, ",i1,2026-01-01,1", "u1,i1,2026-01-02,-1"]


def test_it_judges_engines_on_a_zipped_file(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv.gz"
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.write("\n".join(lines()))
    answer = StringIO()
    columns = {"user": "who", "item": "what", "time": "at", "weight": "count"}
    call_command(
        "evaluate_recommender",
        file,
        engine=["item_knn"],
        test_days=5,
        k=3,
        json=True,
        stdout=answer,
        **columns,
    )
    result = json.loads(answer.getvalue())
    assert (result["rows"], result["left_out"]) == (1800, 2)
    assert result["item_knn"]["all"]["recall@3"] == 1.0
    assert result["item_knn"]["all"]["against_popularity"]["ndcg"]["verdict"] == "better"


def test_it_says_which_column_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("\n".join(lines()))
    with pytest.raises(CommandError, match="cannot be read: 'user'"):
        call_command("evaluate_recommender", file)


def test_it_prints_a_table(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("\n".join(line.replace("T12:00:00", "") for line in lines()))
    answer = StringIO()
    columns = ["--user=who", "--item=what", "--time=at", "--weight=count"]
    call_command("evaluate_recommender", file, "--engine=item_knn", "--test-days=5", *columns, stdout=answer)
    assert "1,800 rows, 2 left out; the last 5 days are the test." in answer.getvalue()
    assert "Item neighbours" in answer.getvalue()
