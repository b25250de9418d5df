"""Sends a dispatch to the toy provider while workers are killed, and counts what became of everybody."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import urlopen

from django.conf import settings
from django.db import connection

from customers.consent import grant
from customers.models import Customer
from delivery.answers import InDoubt
from delivery.models import Dispatch, Message, Sender
from delivery.sending import CHUNK
from delivery.tasks import release_expired_messages
from tests.flows.programs import PATIENCE_SECONDS, eventually


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the provider and our books say after a send."""

    states: dict[str, int]
    deaths: int
    lost: set[str]
    """Neither delivered nor rejected, and called neither unknown nor suppressed."""
    doubled: set[str]
    """Delivered more than once."""
    wrong: set[str]
    """Called sent and not delivered, or called anything but sent and unknown though delivered."""


@contextmanager
def toy_provider(behaviour: str, *, honours_keys: bool, stall_seconds: float = 30.0) -> Iterator[str]:
    """The address of a toy provider that runs as long as the block."""
    command = [sys.executable, "-m", "tests.faults.toy_provider", behaviour]
    command += ["--stall-seconds", str(stall_seconds), *(["--honours-keys"] if honours_keys else [])]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)


@contextmanager
def worker(dispatch: Dispatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sends; killed without notice with the end of the block."""
    process = start_worker(dispatch)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)


def start_worker(dispatch: Dispatch, *, chunk: int = CHUNK) -> subprocess.Popen[bytes]:
    """Start a process that sends until it is killed."""
    program = (
        "import sys, django; django.setup(); "
        "from tests.faults.worker import main; main(int(sys.argv[1]), int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(dispatch.pk), str(chunk)]
    return subprocess.Popen(command, cwd=settings.BASE_DIR)


def dispatch_to(address: str, *, in_doubt: InDoubt, messages: int) -> Dispatch:
    """Queue a message to each of so many new customers, to leave by the provider at this address."""
    sender = Sender.objects.create(
        name="Toy",
        from_name="The Shop",
        from_email="news@shop.example",
        backend=Sender.Backend.GATEWAY,
        address=address,
        in_doubt=in_doubt,
        rate_per_second=1_000_000,
    )
    dispatch = Dispatch.objects.create(name="Faults", sender=sender)
    people = Customer.objects.bulk_create(
        (Customer(email=f"c{i}@example.com") for i in range(messages)), batch_size=5_000
    )
    grant([one.pk for one in people], source="test")
    Message.objects.bulk_create(
        (Message(dispatch=dispatch, customer=one) for one in people), batch_size=5_000
    )
    return dispatch


def send_and_kill(dispatch: Dispatch, *, kills: int) -> None:
    """Send everything, killing the worker so many times on the way, evenly over the messages."""
    total = Message.objects.filter(dispatch=dispatch).count()
    for kill in range(1, kills + 1):
        mark = total * kill // (kills + 1)
        with worker(dispatch):
            assert eventually(lambda mark=mark: settled(dispatch) >= mark)
        _end_leases()
    with worker(dispatch):
        assert eventually(lambda: is_finished(dispatch))


def outcome_of(dispatch: Dispatch, address: str) -> Outcome:
    """Hold the provider's log against the books."""
    with urlopen(f"{address}/log") as answer:
        log = json.load(answer)
    delivered, rejected = Counter(log["delivered"]), set(log["rejected"])
    states = {
        f"regards-{pk}": state
        for pk, state in Message.objects.filter(dispatch=dispatch).values_list("pk", "state")
    }
    unknown = {key for key, state in states.items() if state == "unknown"}
    suppressed = {key for key, state in states.items() if state == "suppressed"}
    return Outcome(
        states=dict(Counter(states.values())),
        deaths=Message.objects.filter(dispatch=dispatch, deaths__gt=0).count(),
        lost=set(states) - set(delivered) - rejected - unknown - suppressed,
        doubled={key for key, times in delivered.items() if times > 1},
        wrong={
            key
            for key, state in states.items()
            if (state == "sent") != (delivered[key] > 0) and state != "unknown"
        },
    )


def settled(dispatch: Dispatch) -> int:
    """How many messages have reached a final state."""
    return Message.objects.filter(dispatch=dispatch, state__in=Message.TERMINAL).count()


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
    return not Message.objects.filter(dispatch=dispatch).exclude(state__in=Message.TERMINAL).exists()


def _end_leases() -> None:
    """Let the leases of the worker that was just killed run out, and find what it held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_message SET lease_until = lease_until - interval '1 day' WHERE state = 'in_flight'"
        )
    release_expired_messages()
