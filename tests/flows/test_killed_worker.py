"""A worker that is killed while it sends: everybody gets the mail once, nobody twice, nobody is forgotten."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
from django.conf import settings
from django.db import connection, transaction

from campaigns.books import reconcile
from delivery.models import MailboxMessage, Message, MessageEvent, Sender
from delivery.tasks import release_expired_messages
from tests.campaigns.making import launched, people
from tests.flows.programs import PATIENCE_SECONDS, eventually, point_programs_here

RECIPIENTS = 600
RATE = 250


SEND = (
    "import sys, django; django.setup(); from campaigns.sending import send_due; send_due(int(sys.argv[1]))"
)


@contextmanager
def worker(dispatch_id: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sends what is due, as a worker's task does; killed with the block if it is still there."""
    process = subprocess.Popen([sys.executable, "-c", SEND, str(dispatch_id)], cwd=settings.BASE_DIR)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)


def waiting_for_a_lock() -> list[int]:
    """The database's own processes whose clients wait to write down what they sent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'delivery_messageevent'::regclass"
        )
        return [pid for (pid,) in cursor.fetchall()]


def kill_between_handing_over_and_noting_it(dispatch_id: int) -> None:
    """Hold up the note of what was sent, and kill the worker that waits to write it, as a dead machine would."""
    with worker(dispatch_id) as process, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE delivery_messageevent IN SHARE MODE")
        assert eventually(lambda: MailboxMessage.objects.count() > 50)
        assert eventually(lambda: bool(waiting_for_a_lock()))
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)
        # Its server is still waiting; the connection of a machine that died would be given up like this.
        for pid in waiting_for_a_lock():
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert eventually(lambda: not waiting_for_a_lock())


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_sending_costs_no_mail_and_doubles_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd = people(RECIPIENTS)
    campaign, counted = launched()
    Sender.objects.update(rate_per_second=RATE)
    point_programs_here(monkeypatch)

    kill_between_handing_over_and_noting_it(counted.dispatch_id)
    handed_over = MailboxMessage.objects.count()
    states = Counter(Message.objects.values_list("state", flat=True))
    held = states["in_flight"]
    assert 50 < handed_over <= held < RECIPIENTS
    assert states == {"in_flight": held, "queued": RECIPIENTS - held}
    assert not MessageEvent.objects.exists()

    assert release_expired_messages() == {}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_message SET lease_until = lease_until - interval '1 hour'")
    assert release_expired_messages() == {"queued": held}

    with worker(counted.dispatch_id):
        assert eventually(lambda: reconcile(campaign).is_finished)
    mailed = sorted(MailboxMessage.objects.values_list("recipient", flat=True))
    assert mailed == sorted(str(one.email) for one in crowd)
    assert Counter(Message.objects.values_list("state", "deaths")) == {
        ("sent", 1): held,
        ("sent", 0): RECIPIENTS - held,
    }
    assert MessageEvent.objects.filter(kind="sent").count() == RECIPIENTS
    delivered = {mail.key: sha256(bytes(mail.raw)).hexdigest() for mail in MailboxMessage.objects.all()}
    assert dict(Message.objects.values_list("provider_id", "content_sha256")) == delivered
    accounts = reconcile(campaign)
    assert accounts.adds_up
    assert (accounts.sent, accounts.is_finished) == (RECIPIENTS, True)
