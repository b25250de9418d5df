"""One send with every trouble there is, spread over it: killed workers and servers, pauses, withdrawals."""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import connection

from common import valkey
from common.services import postgres
from common.services import valkey as valkey_server
from common.services.places import Places
from common.services.server import Server
from customers.consent import withdraw
from customers.models import Customer
from delivery import outbox, outcomes
from delivery.answers import InDoubt
from delivery.models import Breaker, Dispatch, Message
from delivery.reconciling import ask_providers
from delivery.sending import GROUP
from delivery.steering import steer
from delivery.tasks import release_expired_messages
from tests.faults.harness import (
    OPEN,
    Crew,
    Outcome,
    dispatch_to,
    is_finished,
    outcome_of,
    still_open,
    toy_provider,
)

COLUMNS = "{:<17}{:<8}{:>9}{:>9}{:>8}{:>12}{:>9}{:>13}{:>6}{:>9}{:>7}{:>7}{:>6}{:>8}{:>9}  {}"
HEADS = (
    "provider",
    "doubt",
    "messages",
    "sent",
    "failed",
    "suppressed",
    "unknown",
    "unexplained",
    "lost",
    "doubled",
    "wrong",
    "after",
    "open",
    "seconds",
    "mails/s",
    "troubles; why unknown",
)
WORKERS = 2
TROUBLES = {
    "kill": 20,
    "restart": 5,
    "flush": 5,
    "kill_valkey": 5,
    "stop": 2,
    "pause": 50,
    "withdraw": 20,
}
"""How often each happens in one send."""
NATURAL = {
    "behaves": InDoubt.LEAVE,
    "throttles": InDoubt.REPEAT,
    "throttles_mutely": InDoubt.LEAVE,
    "fails": InDoubt.REPEAT,
    "stalls": InDoubt.ASK,
    "resets": InDoubt.ASK,
    "rejects": InDoubt.LEAVE,
    "loses_replies": InDoubt.REPEAT,
}
"""What each bad provider allows where nothing else is asked for: each way of treating doubts at least twice."""
PAUSE_SECONDS = 0.2
GRACE_SECONDS = 2.0
"""For a worker that stood still to do what harm it can once everything is over."""
TOLD_EVERY_SECONDS = 15.0


class Servers:
    """A durable PostgreSQL and a Valkey of our own that may be killed."""

    def __init__(self, where: Places) -> None:
        self.where = where
        self.postgres: Server = postgres.start(where, durable=True)
        self.valkey: Server = valkey_server.start(where)

    def restart_database(self) -> None:
        """Shut PostgreSQL down in the immediate way, which is a crash, and start it again."""
        self.postgres.process.send_signal(signal.SIGQUIT)
        self.postgres.process.wait()
        connection.close()
        self.postgres = postgres.start(self.where, durable=True)

    def restart_valkey(self) -> None:
        """Kill Valkey and start it again."""
        self.valkey.process.kill()
        self.valkey.process.wait()
        self.valkey = valkey_server.start(self.where)

    def stop(self) -> None:
        """End both."""
        connection.close()
        self.valkey.stop()
        self.postgres.stop()


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one trial showed."""

    behaviour: str
    in_doubt: InDoubt
    outcome: Outcome
    after_withdrawal: int
    """Mails handed over for the first time after their reader's withdrawal was committed."""
    happened: dict[str, int]
    claimed_in_pause: int
    seconds: float
    spared: int
    """Mails that were not sent because of a withdrawal that there was not."""
    left: str
    """What was still open when time was over."""

    @property
    def is_right(self) -> bool:
        """Whether nobody is lost or doubled, the books are right and nothing went to who had withdrawn."""
        told = self.outcome
        wrong = told.lost or told.doubled or told.wrong or told.unexplained or told.open or self.left
        dead = self.happened.get("kill", 0) + self.happened.get("stop", 0)
        is_over_the_dead = self.in_doubt == InDoubt.LEAVE and told.orphaned > dead * GROUP
        return not (
            wrong or is_over_the_dead or self.spared or self.after_withdrawal or self.claimed_in_pause
        )


@dataclass
class Trial:
    """A send to a toy provider, while things go wrong."""

    dispatch: Dispatch
    servers: Servers
    crew: Crew
    total: int
    stopped: dict[int, float] = field(default_factory=dict)
    withdrawn: dict[int, float] = field(default_factory=dict)
    """When whose withdrawal was committed; seconds since 1970, by the database's clock."""
    happened: Counter[str] = field(default_factory=Counter)
    claimed_in_pause: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(6))

    def run(self, *, share: float, most_seconds: float) -> bool:
        """Send everything, with `share` of all troubles by the way; whether it ended in time."""
        plan = [(mark * self.total, name) for mark, name in _spread(share)]
        troubles, began = len(plan), time.monotonic()
        told = released = began
        pause = min(1.0, max(0.05, self.total / 100_000))  # counting costs the database as much as sending
        while not is_finished(self.dispatch) or self.stopped:
            now = time.monotonic()
            if now > began + most_seconds:
                return False
            self.wake()
            assert self.crew.is_whole(), "a worker has ended by itself"
            if now > released + 1:
                release_expired_messages()
                released = now
            settled = self.total - still_open(self.dispatch)
            if now > told + TOLD_EVERY_SECONDS:
                told = now
                self._tell(f"{settled:,} settled after {now - began:.0f} s, {troubles - len(plan)} troubles")
            while plan and plan[0][0] <= settled:
                self._do(plan.pop(0)[1])
            time.sleep(pause)
        time.sleep(GRACE_SECONDS)
        return not plan

    def settle_by_asking(self, *, most_seconds: float) -> None:
        """Ask about those who withdrew while a mail to them was in doubt, when the provider has had its time."""
        until = time.monotonic() + most_seconds
        unknown = Message.objects.filter(dispatch=self.dispatch, state=Message.State.UNKNOWN)
        while unknown.exists() and time.monotonic() < until:
            ask_providers()
            time.sleep(1)

    def _do(self, trouble: str) -> None:
        acts: dict[str, Callable[[], bool | None]] = {
            "kill": self.kill,
            "restart": self.servers.restart_database,
            "flush": lambda: bool(valkey.client().flushall()),
            "kill_valkey": self.servers.restart_valkey,
            "stop": self.stop_for_longer_than_a_lease,
            "pause": self.pause,
            "withdraw": self.withdraw,
        }
        self.happened[trouble] += acts[trouble]() is not False

    def kill(self) -> None:
        """Kill a worker without notice; another begins."""
        self.crew.kill(self._awake())
        self.crew.start()

    def stop_for_longer_than_a_lease(self) -> None:
        """A machine that stands still, and wakes when others have taken over what it had."""
        worker = self._awake()
        os.kill(worker, signal.SIGSTOP)
        self.stopped[worker] = time.monotonic() + outbox.LEASE.total_seconds() + 2

    def wake(self) -> None:
        """Let those go on that stood still for long enough."""
        for worker in [worker for worker, at in self.stopped.items() if at < time.monotonic()]:
            os.kill(worker, signal.SIGCONT)
            del self.stopped[worker]

    def pause(self) -> None:
        """Pause for a moment, in which nothing new may be claimed, and resume."""
        steer(self.dispatch.pk, "pause")
        before = self._in_flight()
        time.sleep(PAUSE_SECONDS)
        self.claimed_in_pause += len(self._in_flight() - before)
        steer(self.dispatch.pk, "resume")

    def withdraw(self) -> bool:
        """Somebody unsubscribes: one whose mail is being sent, or the last who waits, in turn; False if nobody can."""
        state = (Message.State.IN_FLIGHT, Message.State.QUEUED)[self.happened["withdraw"] % 2]
        some = Message.objects.filter(dispatch=self.dispatch, state=state).order_by("-due_at", "-id")
        one = some.values_list("customer_id", flat=True).first()
        if one is None:
            return False
        withdraw([one], source="test")
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float")
            self.withdrawn[one] = cursor.fetchone()[0]
        return True

    def spared(self) -> int:
        """How many mails were not sent because of a withdrawal, though their reader never withdrew."""
        so = Message.objects.filter(dispatch=self.dispatch, reason__contains="consent withdrawn")
        barred = so | Message.objects.filter(dispatch=self.dispatch, state=Message.State.SUPPRESSED)
        return barred.exclude(customer__in=self.withdrawn).count()

    def handed_over_after_withdrawal(self, last: dict[str, float]) -> int:
        """How many who unsubscribed got a mail that was kept only afterwards, or left too late for one in flight.

        `last` says when the provider had each.
        """
        asked = Message.objects.filter(dispatch=self.dispatch, customer__in=self.withdrawn)
        count = 0
        for pk, customer, kept_at in asked.values_list("pk", "customer_id", "handed_over_at"):
            withdrawn = self.withdrawn[customer]
            is_kept_later = kept_at is not None and kept_at.timestamp() > withdrawn
            count += is_kept_later or last.get(Message.key_of(pk), 0) > withdrawn + outbox.LEASE.seconds / 2
        return count

    def left(self) -> str:
        """What is open, in words."""
        waiting = Message.objects.filter(dispatch=self.dispatch, state__in=OPEN)
        said = Counter(f"{state}: {reason}" for state, reason in waiting.values_list("state", "reason"))
        shut = "; ".join(f"left alone until {one.retry_at}: {one.reason}" for one in Breaker.objects.all())
        return f"{_listed(said)}; {len(self.crew.workers)} workers, {len(self.stopped)} stopped; {shut}"

    def _awake(self) -> int:
        """A worker; one that does not stand still, if there is one."""
        awake = [worker for worker in self.crew.workers if worker not in self.stopped]
        chosen = self.chance.choice(awake or self.crew.workers)
        self.stopped.pop(chosen, None)
        return chosen

    def _in_flight(self) -> set[tuple[int, int]]:
        flying = Message.objects.filter(dispatch=self.dispatch, state=Message.State.IN_FLIGHT)
        return set(flying.values_list("pk", "fence"))

    def _tell(self, news: str) -> None:
        print(f"  {self.dispatch.sender.name}: {news}", file=sys.stderr, flush=True)


def try_it(
    servers: Servers,
    behaviour: str,
    in_doubt: InDoubt,
    *,
    messages: int,
    stall_seconds: float,
    most_seconds: float,
    share: float = 1.0,
) -> Report:
    """Send so many messages by a provider that misbehaves, with `share` of all troubles, and count."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE delivery_sender CASCADE")
    keeps = in_doubt == InDoubt.REPEAT
    with toy_provider(behaviour, honours_keys=keeps, stall_seconds=stall_seconds, mails=messages) as address:
        dispatch = dispatch_to(address, in_doubt=in_doubt, messages=messages, name=behaviour)
        log = servers.where.logs / "workers.log"
        with Crew(dispatch, chunk=max(20, min(500, messages // 40)), log=log) as crew:
            for _ in range(WORKERS):
                crew.start()
            began = time.monotonic()
            trial = Trial(dispatch=dispatch, servers=servers, crew=crew, total=messages)
            is_over = trial.run(share=share, most_seconds=most_seconds)
            seconds = time.monotonic() - began
            left = "" if is_over else trial.left()
        if in_doubt == InDoubt.ASK:
            trial.settle_by_asking(most_seconds=2 * outcomes.ASK_AFTER.total_seconds())
        outcome = outcome_of(dispatch, address)
    assert Customer.objects.count() == messages
    return Report(
        behaviour=behaviour,
        in_doubt=in_doubt,
        outcome=outcome,
        after_withdrawal=trial.handed_over_after_withdrawal(outcome.last),
        spared=trial.spared(),
        happened=trial.happened,
        claimed_in_pause=trial.claimed_in_pause,
        seconds=seconds,
        left=left,
    )


def _spread(share: float) -> list[tuple[float, str]]:
    """Which trouble comes after which part of the messages is settled, from 0 to 1."""
    marks = []
    for name, times in TROUBLES.items():
        count = max(1, round(times * share))
        marks += [((number + 0.5) / count * 0.95, name) for number in range(count)]
    return sorted(marks)


def head() -> str:
    """The heads of the table."""
    return COLUMNS.format(*HEADS)


def line_of(report: Report) -> str:
    """One trial in figures."""
    told = report.outcome
    states = [told.states.get(state, 0) for state in ("sent", "failed", "suppressed", "unknown")]
    return COLUMNS.format(
        report.behaviour,
        report.in_doubt.value,
        sum(told.states.values()),
        *states,
        *(len(told.unexplained), len(told.lost), len(told.doubled), len(told.wrong)),
        report.after_withdrawal,
        told.open,
        round(report.seconds),
        round(sum(told.states.values()) / report.seconds),
        "; ".join(filter(None, [_listed(report.happened), _listed(told.reasons), _odd(report)])),
    )


def _odd(report: Report) -> str:
    in_pause = f"{report.claimed_in_pause} CLAIMED IN A PAUSE" if report.claimed_in_pause else ""
    spared = f"{report.spared} SPARED WITHOUT A WITHDRAWAL" if report.spared else ""
    return "; ".join(filter(None, [in_pause, spared, report.left and f"NOT OVER IN TIME: {report.left}"]))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{times} × {name[:60]}" for name, times in sorted(counts.items()))
