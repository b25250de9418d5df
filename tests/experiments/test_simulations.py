"""The simulations of how experiments decide: few runs here, all of them in the long tier."""

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from scipy.stats import binom

from experiments.stats.simulations import families, looking, spending
from experiments.stats.simulations.streams import answered, roll
from experiments.stats.simulations.suite import Figure, added, batches, figures
from experiments.stats.simulations.tally import Tallies, Tally

RUNS = 400


def at_most(rate: float, tally: Tally) -> bool:
    """Whether the count could well (0.999) come from this rate or a lower one."""
    return bool(tally.found <= binom.ppf(0.999, tally.judged, rate))


@pytest.fixture(scope="module")
def null() -> dict[str, Tallies]:
    return {
        sending: looking.false_positives(sending=sending, runs=RUNS, seed=1)
        for sending in ("trickle", "burst")
    }


@pytest.mark.parametrize("sending", ["trickle", "burst"])
def test_naive_peeking_finds_far_too_many(null: dict[str, Tallies], sending: str) -> None:
    assert null[sending][looking.NAIVE].share > 0.15


@pytest.mark.parametrize("sending", ["trickle", "burst"])
@pytest.mark.parametrize("rule", [rule for rule in looking.RULES if rule != looking.NAIVE])
def test_every_other_way_of_looking_keeps_to_one_in_twenty(
    null: dict[str, Tallies], sending: str, rule: str
) -> None:
    assert at_most(0.05, null[sending][rule])


def test_enrolment_is_the_wrong_clock_for_a_burst(null: dict[str, Tallies]) -> None:
    assert not at_most(0.05, null["burst"][looking.BY_ENROLMENT])


def test_planned_looks_cost_next_to_no_power() -> None:
    found = looking.powers(sending="burst", runs=RUNS, seed=1)
    assert found[looking.OBRIEN_FLEMING].share >= found[looking.FIXED].share - 0.03
    assert found[looking.WHENEVER].share < found[looking.OBRIEN_FLEMING].share


def test_five_treatments_need_a_correction() -> None:
    found = families.false_families(runs=4_000, seed=1)
    assert found[families.UNCORRECTED].share > 0.15
    assert at_most(0.05, found["Holm"])
    assert at_most(0.05, found["Dunnett"])


def test_a_lopsided_split_needs_the_guard() -> None:
    found = spending.false_winners(runs=RUNS, seed=1)
    assert found[spending.UNGUARDED].share > 0.1
    assert at_most(0.06, found[spending.WINSORISED])


def test_a_burst_ends_with_everybodys_answer() -> None:
    shares = answered(20)
    assert shares[-1] == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.diff(shares) > 0)


@pytest.mark.parametrize("sending", ["trickle", "burst"])
def test_conversions_only_grow_and_end_near_the_true_rate(sending: str) -> None:
    stream = roll(
        np.random.default_rng(3),
        sending=sending,
        runs=50,
        looks=7,
        customers=9_000,
        rates=(0.1, 0.2),
        hoped=(0.1, 0.2),
    )
    assert np.all(np.diff(stream.x1, axis=1) >= 0)
    assert stream.x1[:, -1].mean() / 9_000 == pytest.approx(0.1, abs=0.002)
    assert stream.x2[:, -1].mean() / 9_000 == pytest.approx(0.2, abs=0.003)
    assert stream.n1[0, -1] == 9_000


def test_batches_add_up_and_have_seeds_of_their_own() -> None:
    found = [
        (size, seed) for name, size, seed in batches(runs=1_200, seed=1) if name == "no effect, revenue 90/10"
    ]
    assert [size for size, _ in found] == [500, 500, 200]
    assert len({seed for _, seed in found}) == 3


def test_tallies_of_batches_add_up() -> None:
    assert added({"a": Tally(3, 50)}, {"a": Tally(2, 40)}) == {"a": Tally(5, 90)}
    assert added({}, {"a": Tally(2, 40)}) == {"a": Tally(2, 40)}


@pytest.mark.parametrize(("share", "holds"), [(0.2, False), (0.3, True), (0.5, False)])
def test_a_figure_holds_within_its_limits(share: float, holds: bool) -> None:
    assert Figure("a", "b", share, 100, low=0.25, high=0.4).holds is holds


def test_power_is_held_against_the_fixed_horizon_of_the_same_run() -> None:
    found = {looking.FIXED: Tally(80, 100), looking.OBRIEN_FLEMING: Tally(76, 100)}
    row = figures({"an effect, all mailed at once": found})[1]
    assert (row.low, row.holds) == (pytest.approx(0.77), False)


def run(*arguments: str) -> tuple[str, int]:
    """What the command prints, and its exit code."""
    out = StringIO()
    try:
        call_command("simulate_experiments", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode
    return out.getvalue(), 0


def test_the_same_seed_prints_the_same_figures() -> None:
    first, second = (run("--runs", "20", "--seed", "3", "--json")[0] for _ in "ab")
    assert first == second
    judged = {row["simulation"]: row["judged"] for row in json.loads(first)}
    assert judged["no effect, revenue 90/10"] == judged["an effect, mails trickle out"] == 20
    assert judged["no effect, all mailed at once"] == judged["no effect, five treatments"] == 80


def test_its_exit_code_says_whether_a_limit_is_broken() -> None:
    printed, code = run("--runs", "20", "--json")
    assert code == int(not all(row["holds"] for row in json.loads(printed)))


@pytest.mark.parametrize("arguments", [("--runs", "0"), ("--seed", "-1")])
def test_bad_options_are_refused(arguments: tuple[str, str]) -> None:
    assert run(*arguments) == ("", 2)


@pytest.mark.long
def test_ten_thousand_runs_keep_every_limit() -> None:
    printed, code = run("--runs", "10000", "--seed", "1")
    assert code == 0, printed
