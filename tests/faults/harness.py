"""Sends a dispatch to the toy provider while workers are killed, and counts what became of everybody."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from customers.consent import grant
from customers.models import Consent, Customer
from delivery.answers import InDoubt
from delivery.models import Dispatch, Message, Sender
from delivery.sending import CHUNK
from delivery.tasks import release_expired_messages
from tests.flows.programs import PATIENCE_SECONDS, eventually

OPEN = [state.value for state in Message.State if state not in Message.TERMINAL]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the provider and our books say after a send."""

    states: dict[str, int]
    reasons: dict[str, int]
    """Why messages are unknown."""
    deaths: int
    open: int
    """Not at their end."""
    lost: set[str]
    """Neither delivered nor rejected, and called neither unknown nor suppressed, nor open, nor withdrawn from."""
    doubled: set[str]
    """Delivered more than once."""
    wrong: set[str]
    """Called sent and not delivered, or called anything but sent and unknown though delivered, or empty."""
    unexplained: set[str]
    """Unknown, though the provider answered and no worker died over it, or keeps keys or can be asked."""
    orphaned: int
    """Unknown, and a worker died over it."""
    last: dict[str, float]
    """When each was last handed over, as the provider says; seconds since 1970."""


@contextmanager
def toy_provider(
    behaviour: str, *, honours_keys: bool, stall_seconds: float = 30.0, mails: int = 1
) -> Iterator[str]:
    """The address of a toy provider that runs as long as the block and expects so many mails."""
    command = [sys.executable, "-m", "tests.faults.toy_provider", behaviour, "--mails", str(mails)]
    command += ["--stall-seconds", str(stall_seconds), *(["--honours-keys"] if honours_keys else [])]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)


class Crew:
    """Processes that send a dispatch; all are killed with the end of the block."""

    def __init__(self, dispatch: Dispatch, *, chunk: int = CHUNK, log: Path | None = None) -> None:
        program = (
            "import sys, django; django.setup(); "
            "from tests.faults.worker import serve; serve(int(sys.argv[1]), int(sys.argv[2]))"
        )
        command = [sys.executable, "-c", program, str(dispatch.pk), str(chunk)]
        self.server = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log and log.open("ab"),
            text=True,
        )
        self.workers: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in list(self.workers):
            self.kill(worker)
        self.server.kill()
        self.server.communicate(timeout=PATIENCE_SECONDS)

    def start(self) -> int:
        """Begin one more worker and return the number of its process."""
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        self.workers.append(int(self.server.stdout.readline()))
        return self.workers[-1]

    def is_whole(self) -> bool:
        """Whether all are there that were not killed."""
        return all(map(_is_there, self.workers))

    def kill(self, worker: int) -> None:
        """Kill a worker without notice; returns when it is gone."""
        self.workers.remove(worker)
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        assert eventually(lambda: not _is_there(worker)), f"{worker} does not end"


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def dispatch_to(address: str, *, in_doubt: InDoubt, messages: int, name: str = "Toy") -> Dispatch:
    """Queue a message to each of so many customers, to leave by the provider at this address."""
    sender = Sender.objects.create(
        name=name,
        from_name="The Shop",
        from_email="news@shop.example",
        backend=Sender.Backend.GATEWAY,
        address=address,
        in_doubt=in_doubt,
        rate_per_second=1_000_000,
    )
    dispatch = Dispatch.objects.create(name="Faults", sender=sender)
    Message.objects.bulk_create(
        (Message(dispatch=dispatch, customer_id=one) for one in _readers(messages)), batch_size=5_000
    )
    return dispatch


def _readers(count: int) -> list[int]:
    """So many customers who may be mailed: those of an earlier trial, or new ones."""
    if not Customer.objects.exists():
        Customer.objects.bulk_create(
            (Customer(email=f"c{i}@example.com") for i in range(count)), batch_size=5_000
        )
    everybody = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    assert len(everybody) == count
    granted = set(Consent.objects.filter(is_granted=True).values_list("customer_id", flat=True))
    grant([one for one in everybody if one not in granted], source="test", tells=False)
    return everybody


def send_and_kill(dispatch: Dispatch, *, kills: int) -> None:
    """Send everything, killing the worker so many times on the way, evenly over the messages."""
    total = Message.objects.filter(dispatch=dispatch).count()
    with Crew(dispatch) as crew:
        for kill in range(1, kills + 1):
            mark = total * kill // (kills + 1)
            worker = crew.start()
            assert eventually(lambda mark=mark: total - still_open(dispatch) >= mark)
            crew.kill(worker)
            _end_leases()
        crew.start()
        assert eventually(lambda: is_finished(dispatch))


def outcome_of(dispatch: Dispatch, address: str) -> Outcome:
    """Hold the provider's log against the books."""
    with urlopen(f"{address}/log") as answer:
        log = json.load(answer)
    delivered, rejected = Counter(log["delivered"]), set(log["rejected"])
    messages = Message.objects.filter(dispatch=dispatch)
    states = {Message.key_of(pk): state for pk, state in messages.values_list("pk", "state")}
    unknown = messages.filter(state="unknown")
    groundless = {
        InDoubt.LEAVE.value: unknown.filter(deaths=0),
        InDoubt.REPEAT.value: unknown.exclude(reason="consent withdrawn"),
        InDoubt.ASK.value: unknown,
    }[dispatch.sender.in_doubt]
    # Put off in doubt, then unsubscribed, then asked about: not there, and rightly not handed over again.
    withdrawn = messages.filter(state="failed", settled_by="asked", reason__endswith=": consent withdrawn")
    may_leave = dispatch.sender.in_doubt == InDoubt.LEAVE
    accounted = {key for key, state in states.items() if state in {"unknown", "suppressed", *OPEN}}
    return Outcome(
        states=dict(Counter(states.values())),
        reasons=dict(Counter(unknown.values_list("reason", flat=True))),
        deaths=messages.filter(deaths__gt=0).count(),
        open=sum(state in OPEN for state in states.values()),
        lost=set(states) - set(delivered) - rejected - accounted - _keys(withdrawn),
        doubled={key for key, times in delivered.items() if times > 1},
        wrong={
            key
            for key, state in states.items()
            if (state == "sent") != (delivered[key] > 0) and state not in {"unknown", *OPEN}
        }
        | set(log["empty"]),
        unexplained=_keys(groundless) - (set(log["doubtful"]) if may_leave else set()),
        orphaned=unknown.filter(deaths__gt=0).count(),
        last=log["last"],
    )


def _keys(messages: QuerySet[Message]) -> set[str]:
    return {Message.key_of(pk) for pk in messages.values_list("pk", flat=True)}


def still_open(dispatch: Dispatch) -> int:
    """How many messages have not reached a final state."""
    return Message.objects.filter(dispatch=dispatch, state__in=OPEN).count()


def is_finished(dispatch: Dispatch) -> bool:
    """Whether nothing is open; meanwhile time is moved on for what waits and cannot be with the provider."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message message SET due_at = statement_timestamp()
            FROM delivery_dispatch dispatch JOIN delivery_sender sender ON sender.id = dispatch.sender_id
            WHERE dispatch.id = message.dispatch_id AND message.state = 'queued'
                AND message.due_at > statement_timestamp() AND (raw IS NULL OR sender.in_doubt <> 'ask')
            """
        )
    return not still_open(dispatch)


def _end_leases() -> None:
    """Let the leases of the worker that was just killed run out, and find what it held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_message SET lease_until = lease_until - interval '1 day' WHERE state = 'in_flight'"
        )
    release_expired_messages()
