"""`manage.py import_experiment`, on a made file and on Kevin Hillstrom's."""

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Role, User
from experiments.models import Experiment

pytestmark = pytest.mark.django_db
FILE = Path(__file__).resolve().parents[4] / "shared" / "data" / "hillstrom_email.csv.gz"
HILLSTROM = (
    "--variant=segment", "--control=No E-Mail", "--no-mail", "--metric=visit=visit:rate",
    "--metric=conversion=conversion:rate", "--metric=spend=spend:money:USD", "--before=history", "--name=Hillstrom",
)  # fmt: skip
PLAIN = ("--variant=arm", "--control=none", "--metric=visit=visit:rate")


def run(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("import_experiment", str(path), *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "winter_sale.csv"
    rows = [f"{'mail' if n % 2 else 'none'},{int(n % (7 if n % 2 else 11) == 0)}" for n in range(2_000)]
    path.write_text("\n".join(["arm,visit", *rows]))
    return path


def test_it_stores_a_finished_experiment_named_after_the_file(file: Path) -> None:
    printed = run(file, *PLAIN, "--ended=2026-01-31")
    assert printed.endswith("Stored: /experiments/imported/winter-sale/\n")
    experiment = Experiment.objects.get()
    assert (experiment.name, experiment.imported.source) == ("Winter sale", "winter_sale.csv")
    assert experiment.started_at is not None


def test_a_dry_run_says_the_same_and_stores_nothing(file: Path) -> None:
    printed = run(file, *PLAIN, "--dry-run")
    assert printed.startswith("mail does better than none. mail against none: visit 14.30% against 9.10%")
    assert not Experiment.objects.exists()


def test_a_key_that_is_taken_is_refused(file: Path) -> None:
    run(file, *PLAIN)
    with pytest.raises(CommandError, match="There is an experiment “winter-sale” already") as error:
        run(file, *PLAIN)
    assert error.value.returncode == 2
    assert Experiment.objects.count() == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--primary=spend",), "“spend” is no metric of yours"),
        (("--metric=spend",), "“spend” is no metric"),
        (("--split=none=1",), "Plan a share above 0 for each arm"),
        (("--window-days=0",), "--window-days must lie between 1 and 365"),
        (("--alpha=0.5",), "--alpha must lie between 0.001 and 0.2"),
        (("--name=✉",), "Give it a name"),
        (("--before=past",), "There is no column “past”"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_stored(
    file: Path, options: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CommandError, match=said) as error:
        run(file, *PLAIN, *options)
    assert error.value.returncode == 2
    assert not Experiment.objects.exists()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "none.csv", *PLAIN)


@pytest.mark.shared_data
def test_hillstroms_page_has_the_published_visits_and_spend_with_verdict_and_intervals(
    client: Client,
) -> None:
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/hillstrom_email.csv.gz is absent: the import was not held against real data")
    found = json.loads(run(FILE, *HILLSTROM, "--primary=spend", "--json"))
    assert found["verdict"] == "winner"
    assert found["split_p_value"] == pytest.approx(0.9037, abs=1e-4)
    figures = {
        arm["name"]: (arm["customers"], round(arm["visit"][0] * 100, 2), round(arm["spend"][0] / 100, 3))
        for arm in found["arms"]
    }
    assert figures == {
        "No E-Mail": (21_306, 10.62, 0.653),
        "Mens E-Mail": (21_307, 18.28, 1.423),
        "Womens E-Mail": (21_387, 15.14, 1.077),
    }
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    page = client.get("/experiments/imported/hillstrom/").content.decode()
    for words in ("10.62%", "18.28%", "15.14%", "$0.653", "$1.423", "$1.077", "21,306"):
        assert words in page
    assert (
        "Mens E-Mail does better than No E-Mail. Mens E-Mail against No E-Mail: spend $1.423 against $0.653, +$0.770 "
        "(97.5% interval +$0.444 to +$1.095)"
    ) in page
    assert "So does Womens E-Mail." in page
    assert "Mens E-Mail instead of No E-Mail was worth +$16,402.71 of spend from 21,307 customers" in page
