"""One send with every trouble there is, spread over it: killed workers and servers, pauses, withdrawals."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from common import valkey
from common.services import postgres
from common.services import valkey as valkey_server
from common.services.places import Places
from common.services.server import Server
from customers.consent import withdraw
from customers.models import Customer
from delivery import outbox
from delivery.answers import InDoubt
from delivery.models import Dispatch, Message
from delivery.steering import steer
from delivery.tasks import release_expired_messages
from tests.faults.harness import (
    Outcome,
    dispatch_to,
    is_finished,
    outcome_of,
    settled,
    start_worker,
    toy_provider,
)

COLUMNS = "{:<17}{:<8}{:>9}{:>9}{:>8}{:>12}{:>9}{:>6}{:>9}{:>7}{:>7}{:>6}{:>8}  {}"
HEADS = (
    "provider",
    "doubt",
    "messages",
    "sent",
    "failed",
    "suppressed",
    "unknown",
    "lost",
    "doubled",
    "wrong",
    "after",
    "open",
    "seconds",
    "troubles",
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
    open: int
    after_withdrawal: int
    """Mails handed over for the first time after their reader's withdrawal was committed."""
    happened: dict[str, int]
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether nobody is lost or doubled, the books are right and nothing went to who had withdrawn."""
        told = self.outcome
        return not (told.lost or told.doubled or told.wrong or self.open or self.after_withdrawal)


@dataclass
class Trial:
    """A send to a toy provider, while things go wrong."""

    dispatch: Dispatch
    servers: Servers
    chunk: int
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    stopped: dict[int, float] = field(default_factory=dict)
    withdrawn: dict[int, datetime] = field(default_factory=dict)
    happened: dict[str, int] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(6))

    def run(self, *, share: float, patience: float) -> None:
        """Send everything; `share` of all troubles come by the way."""
        acts: dict[str, Callable[[], None]] = {
            "kill": self.kill,
            "restart": self.servers.restart_database,
            "flush": lambda: valkey.client().flushall(),
            "kill_valkey": self.servers.restart_valkey,
            "stop": self.stop_for_longer_than_a_lease,
            "pause": self.pause,
            "withdraw": self.withdraw,
        }
        total = Message.objects.filter(dispatch=self.dispatch).count()
        plan = [(mark * total, name) for mark, name in _spread(share)]
        until, released_at = time.monotonic() + patience, time.monotonic()
        while not is_finished(self.dispatch):
            assert time.monotonic() < until, "it does not come to an end"
            self.wake()
            if time.monotonic() > released_at + 1:
                release_expired_messages()
                released_at = time.monotonic()
            while plan and plan[0][0] <= settled(self.dispatch):
                _, name = plan.pop(0)
                acts[name]()
                self.happened[name] = self.happened.get(name, 0) + 1
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill a worker without notice; another begins."""
        gone = self.workers.pop(self.chance.randrange(len(self.workers)))
        gone.kill()
        gone.wait()
        self.stopped.pop(gone.pid, None)
        self.workers.append(start_worker(self.dispatch, chunk=self.chunk))

    def stop_for_longer_than_a_lease(self) -> None:
        """A machine that stands still, and wakes when others have taken over what it had."""
        worker = self.chance.choice(self.workers)
        worker.send_signal(signal.SIGSTOP)
        self.stopped[worker.pid] = time.monotonic() + outbox.LEASE.total_seconds() + 2

    def wake(self) -> None:
        """Let those go on that stood still for long enough."""
        for pid in [pid for pid, at in self.stopped.items() if at < time.monotonic()]:
            os.kill(pid, signal.SIGCONT)
            del self.stopped[pid]

    def pause(self) -> None:
        """Pause and resume."""
        steer(self.dispatch.pk, "pause")
        steer(self.dispatch.pk, "resume")

    def withdraw(self) -> None:
        """Somebody unsubscribes while we send."""
        waiting = Message.objects.filter(dispatch=self.dispatch, state=Message.State.QUEUED)
        one = waiting.order_by("-due_at", "-id").values_list("customer_id", flat=True).first()
        if one is not None:
            withdraw([one], source="test")
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                self.withdrawn[one] = cursor.fetchone()[0]

    def handed_over_after_withdrawal(self) -> int:
        """How many of those who unsubscribed got a mail that was kept for them only afterwards."""
        sent = Message.objects.filter(dispatch=self.dispatch, customer__in=self.withdrawn, state="sent")
        times = sent.values_list("customer_id", "handed_over_at")
        return sum(at is not None and at > self.withdrawn[customer] for customer, at in times)


def try_it(
    servers: Servers,
    behaviour: str,
    in_doubt: InDoubt,
    *,
    messages: int,
    stall_seconds: float,
    share: float = 1.0,
) -> Report:
    """Send so many messages by a provider that misbehaves, with `share` of all troubles, and count."""
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers_customer, delivery_sender CASCADE")
    keeps = in_doubt == InDoubt.REPEAT
    with toy_provider(behaviour, honours_keys=keeps, stall_seconds=stall_seconds) as address:
        dispatch = dispatch_to(address, in_doubt=in_doubt, messages=messages)
        trial = Trial(dispatch=dispatch, servers=servers, chunk=max(20, min(500, messages // 40)))
        with _working(trial):
            trial.run(share=share, patience=600 + messages / 20)
        outcome = outcome_of(dispatch, address)
    assert Customer.objects.count() == messages
    return Report(
        behaviour=behaviour,
        in_doubt=in_doubt,
        outcome=outcome,
        open=Message.objects.filter(dispatch=dispatch).exclude(state__in=Message.TERMINAL).count(),
        after_withdrawal=trial.handed_over_after_withdrawal(),
        happened=trial.happened,
        seconds=time.monotonic() - began,
    )


@contextmanager
def _working(trial: Trial) -> Iterator[None]:
    trial.workers += [start_worker(trial.dispatch, chunk=trial.chunk) for _ in range(WORKERS)]
    try:
        yield
    finally:
        for worker in trial.workers:
            worker.kill()
            worker.wait()


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
        *(len(told.lost), len(told.doubled), len(told.wrong)),
        report.after_withdrawal,
        report.open,
        round(report.seconds),
        " ".join(f"{name}:{times}" for name, times in report.happened.items()),
    )
