"""Workers killed while they send by a provider that loses replies: nobody lost, nobody twice, the books right."""

from datetime import timedelta

import pytest

from delivery import outcomes
from delivery.answers import InDoubt
from tests.faults.harness import dispatch_to, outcome_of, send_and_kill, toy_provider
from tests.flows.programs import point_programs_here

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES, KILLS = 2_000, 2
ASK_AFTER_SECONDS = 2


@pytest.fixture(autouse=True)
def settings_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    point_programs_here(monkeypatch)
    monkeypatch.setenv("DELIVERY_LEASE_SECONDS", "60")
    monkeypatch.setenv("DELIVERY_ASK_AFTER_SECONDS", str(ASK_AFTER_SECONDS))
    monkeypatch.setattr(outcomes, "ASK_AFTER", timedelta(seconds=ASK_AFTER_SECONDS))


@pytest.mark.parametrize("in_doubt", list(InDoubt))
def test_lost_replies_and_killed_workers_lose_and_double_nothing(in_doubt: InDoubt) -> None:
    with toy_provider("loses_replies", honours_keys=in_doubt == InDoubt.REPEAT) as address:
        dispatch = dispatch_to(address, in_doubt=in_doubt, messages=MESSAGES)
        send_and_kill(dispatch, kills=KILLS)
        outcome = outcome_of(dispatch, address)
    assert (outcome.lost, outcome.doubled, outcome.wrong) == (set(), set(), set())
    assert outcome.deaths > 0
    if in_doubt == InDoubt.LEAVE:
        assert set(outcome.states) == {"sent", "unknown"}
    else:
        assert outcome.states == {"sent": MESSAGES}
