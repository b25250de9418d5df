"""Mails to one person that belong to no campaign: confirmations of sign-ups, and tests of a sender.

A view only adds a row; a task hands it over. A row is claimed by one conditional UPDATE, under a lease (`due_at` while
it is being sent), and none while all sending is stopped. A letter whose answer was lost is handed over again only where
the provider keeps a key once.
"""

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from accounts.models import User
from customers.models import OptIn
from delivery import opt_in_mails, sender_mails
from delivery.answers import Accepted, Answer, Deferred, InDoubt, Refused, Unavailable, Uncertain, Untried
from delivery.backends import backend_of
from delivery.backends.base import Backend, Outgoing
from delivery.handing_over import RETRY_AFTER
from delivery.models import Letter, Sender

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 20
_CLAIM = """
UPDATE delivery_letter SET state = 'sending', attempts = attempts + 1,
    due_at = statement_timestamp() + make_interval(secs => %(lease)s)
WHERE id = (
    SELECT id FROM delivery_letter
    WHERE state = 'waiting' AND due_at <= statement_timestamp() AND id <> ALL(%(done)s)
        AND NOT EXISTS (SELECT FROM delivery_killswitch WHERE is_on)
    ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, due_at
"""


class NoSender(Exception):
    """There is nobody to send from yet."""


def ask_to_confirm(asked: OptIn) -> Letter:
    """Queue the confirmation mail of a sign-up, from the first sender. Raises NoSender."""
    sender = Sender.objects.order_by("pk").first()
    if sender is None:
        raise NoSender
    return Letter.objects.create(kind=Letter.Kind.OPT_IN, sender=sender, opt_in=asked)


def send_test(sender: Sender, *, to: User) -> Letter:
    """Queue a test of a sender to a colleague."""
    return Letter.objects.create(kind=Letter.Kind.TEST, sender=sender, user=to)


def send_waiting(*, seconds: float = 60.0) -> int:
    """Hand over letters that are due, each once, none begun after so many seconds; returns how many were tried."""
    _release_expired()
    done: list[int] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until and (found := _claimed(done)):
        letter, lease_until = found
        done.append(letter.pk)
        _settle(letter, _answer(letter), lease_until=lease_until)
    return len(done)


def _claimed(done: list[int]) -> tuple[Letter, datetime] | None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"lease": LEASE.total_seconds(), "done": done})
        row = cursor.fetchone()
    if row is None:
        return None
    return Letter.objects.select_related("sender", "opt_in", "user").get(pk=row[0]), row[1]


def _answer(letter: Letter) -> Answer:
    """Write the letter and hand it over."""
    mail = _written(letter)
    if mail is None:
        return Refused(reason="nobody waits for it any more")
    backend = backend_of(letter.sender)
    try:
        found = dict(_handed_over(backend, mail))
    except Unavailable as error:
        return Deferred(reason=str(error)[:200], retry_after=error.retry_after)
    except Exception as error:
        logger.exception("letter %s", letter.pk)
        return Uncertain(reason=f"{type(error).__name__}: {error}"[:200])
    return found.get(mail.key, Uncertain(reason="the provider did not answer"))


def _handed_over(backend: Backend, mail: Outgoing) -> list[tuple[str, Answer]]:
    deadline = time.monotonic() + LEASE.total_seconds() / 2
    answers: list[tuple[str, Answer]] = []
    try:
        for sent, answer in backend.send([mail], deadline=deadline):
            answers.append((sent.key, answer))
    except Unavailable:
        if not answers:
            raise
    return answers


def _written(letter: Letter) -> Outgoing | None:
    """The mail, or None if it has become pointless."""
    if letter.opt_in is not None:
        return opt_in_mails.write(letter.opt_in, sender=letter.sender)
    if path := settings.LETTER_WRITERS.get(letter.kind):
        mail: Outgoing | None = import_string(path)(letter)
        return mail
    assert letter.user is not None
    return sender_mails.write(letter, sender=letter.sender, to=letter.user)


def _settle(letter: Letter, answer: Answer, *, lease_until: datetime) -> None:
    """File the answer, unless the lease ran out and somebody else has the letter."""
    mine = Letter.objects.filter(pk=letter.pk, state=Letter.State.SENDING, due_at=lease_until)
    reason = getattr(answer, "reason", "")[:200]
    state = _state_after(letter, answer)
    if state == Letter.State.WAITING:
        wait = getattr(answer, "retry_after", None) or RETRY_AFTER
        mine.update(state=state, reason=reason, due_at=Now() + wait)
    else:
        mine.update(state=state, reason=reason, ended_at=Now())


def _state_after(letter: Letter, answer: Answer) -> Letter.State:
    if isinstance(answer, Accepted):
        return Letter.State.SENT
    may_repeat = backend_of(letter.sender).in_doubt == InDoubt.REPEAT
    if isinstance(answer, Uncertain) and not may_repeat:
        return Letter.State.UNKNOWN
    is_over = isinstance(answer, Refused) or letter.attempts >= MAX_ATTEMPTS
    assert isinstance(answer, Refused | Uncertain | Deferred | Untried)
    return Letter.State.FAILED if is_over else Letter.State.WAITING


def _release_expired() -> None:
    """End the claims of workers that died: nobody knows whether the provider has these letters."""
    for letter in Letter.objects.filter(state=Letter.State.SENDING, due_at__lt=Now()).select_related(
        "sender"
    ):
        _settle(letter, Uncertain(reason="the worker died while it sent this"), lease_until=letter.due_at)
