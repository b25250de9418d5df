"""Walkers that are killed, and several at once: every customer does each step once, nobody is forgotten."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection, transaction

from campaigns.journeys.counting import figures_of
from campaigns.journeys.walking import walk, walk_due
from campaigns.models import Enrolment, Journey, StepVisit
from delivery.models import Message
from tests.campaigns.journeys.going import REMIND, enrol, journey
from tests.campaigns.making import people
from tests.flows.programs import PATIENCE_SECONDS, eventually, point_programs_here

pytestmark = pytest.mark.django_db(transaction=True)
CROWD = 120
MARK = {"name": "mark", "set": {"seen": True}}
TWO_MAILS = {
    "trigger": {"event": "product_added"},
    "steps": [REMIND, MARK, {**REMIND, "name": "again"}],
}
# A walker writes to these in this order: it is killed before it wrote anything, half way, and at the very end.
PLACES = ("campaigns_stepvisit", "delivery_message", "campaigns_stepcount")
WALK = (
    "import sys, django; django.setup(); from campaigns.journeys import walking; walking.BATCH = 10;"
    " walking.walk_due(int(sys.argv[1]))"
)


@contextmanager
def walker(way: Journey) -> Iterator[subprocess.Popen[bytes]]:
    """A process that walks, as a worker's task does; killed with the block if it is still there."""
    process = subprocess.Popen([sys.executable, "-c", WALK, str(way.pk)], cwd=settings.BASE_DIR)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)


def waiting_for(table: str) -> list[int]:
    """The database's own processes that wait to write to this table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table])
        return [pid for (pid,) in cursor.fetchall()]


def kill_before_it_writes_to(table: str, way: Journey) -> None:
    """Hold up a walker at a table and kill it there, with its connection, as a dead machine would."""
    with walker(way) as process, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        assert eventually(lambda: bool(waiting_for(table)))
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)
        for pid in waiting_for(table):
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert eventually(lambda: not waiting_for(table))


def everybody_went_through_once(way: Journey) -> None:
    """The mails, the steps and the counters agree: each customer, each step, once."""
    mails = Message.objects.values_list("customer", "variant_key")
    assert len(mails) == len(set(mails)) == 2 * CROWD
    assert Counter(key for _, key in mails) == {"1.remind": CROWD, "1.again": CROWD}
    steps = Counter(StepVisit.objects.values_list("step", "outcome"))
    assert steps == {("remind", "sent"): CROWD, ("mark", "noted"): CROWD, ("again", "sent"): CROWD}
    assert Counter(Enrolment.objects.values_list("ending", flat=True)) == {"done": CROWD}
    assert {
        name: (one.arrived, one.here) for name, one in figures_of(way.live_version).items()
    } == dict.fromkeys(("remind", "mark", "again"), (CROWD, 0))


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_killed_walkers_double_nothing_and_lose_nobody(kills: int, monkeypatch: pytest.MonkeyPatch) -> None:
    way = journey(TWO_MAILS)
    crowd = people(CROWD)
    enrol(way, *crowd)
    point_programs_here(monkeypatch)
    for number in range(kills):
        before = StepVisit.objects.count()
        kill_before_it_writes_to(PLACES[number % len(PLACES)], way)
        assert StepVisit.objects.count() == before
        due = Enrolment.objects.filter(is_active=True).order_by("due_at", "pk").values_list("pk", flat=True)
        assert walk(way.pk, list(due[:5])) == 5
    walk_due(way.pk)
    everybody_went_through_once(way)


def test_walkers_that_go_at_once_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    way = journey(TWO_MAILS)
    enrol(way, *people(CROWD))
    point_programs_here(monkeypatch)
    with walker(way) as one, walker(way) as other:
        assert one.wait(timeout=PATIENCE_SECONDS) == 0
        assert other.wait(timeout=PATIENCE_SECONDS) == 0
    walk_due(way.pk)
    everybody_went_through_once(way)
