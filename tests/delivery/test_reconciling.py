"""What becomes of unknown messages: reports, questions and a colleague's decision."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Role, User
from customers.consent import address_hash, withdraw
from customers.models import Suppression
from delivery import outbox, reconciling
from delivery.answers import InDoubt, Unavailable
from delivery.backends.local import LocalBackend
from delivery.bouncing import heed
from delivery.models import Dispatch, MailboxMessage, Message, MessageEvent
from delivery.steering import steer
from delivery.tasks import settle_unknown_messages
from tests.delivery.leaving import leaves_by

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


@pytest.fixture
def lost(queue: Queue) -> list[Message]:
    """Two messages of which nobody knows whether they arrived."""
    found = queue(2)
    Message.objects.update(
        state="unknown", reason="reset", recipient="c@example.com", attempts=3, handed_over_at=Now()
    )
    return found


def report(message: Message, kind: str) -> None:
    MessageEvent.objects.create(message=message, kind=kind, occurred_at=message.created_at, dedupe_key=kind)
    reconciling.settle_reported(message.pk)


def state_of(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.settled_by


def test_a_report_settles_an_unknown_message(lost: list[Message]) -> None:
    report(lost[0], "bounced")
    assert [state_of(one) for one in lost] == [("sent", "report"), ("unknown", "")]
    assert lost[0].sent_at == lost[0].handed_over_at
    assert MessageEvent.objects.filter(kind="sent").values_list("message_id", flat=True).get() == lost[0].pk


@pytest.mark.parametrize("order", list(permutations(["rejected", "delivered", "opened"])), ids="-".join)
def test_the_order_of_reports_does_not_matter(lost: list[Message], order: tuple[str, ...]) -> None:
    for kind in order:
        report(lost[0], kind)
    assert state_of(lost[0]) == ("sent", "report")
    assert MessageEvent.objects.filter(kind="sent").count() == 1


def test_a_mail_that_the_provider_refused_has_failed(lost: list[Message]) -> None:
    report(lost[0], "rejected")
    assert state_of(lost[0]) == ("failed", "report")


def test_a_report_that_came_before_the_message_was_unknown_counts_as_well(lost: list[Message]) -> None:
    MessageEvent.objects.create(message=lost[1], kind="delivered", occurred_at=Now(), dedupe_key="early")
    assert settle_unknown_messages() == 1
    assert [state_of(one)[0] for one in lost] == ["unknown", "sent"]


def test_a_report_leaves_what_is_settled_as_it_is(lost: list[Message]) -> None:
    Message.objects.update(state="failed", reason="no such address")
    report(lost[0], "delivered")
    assert state_of(lost[0]) == ("failed", "")


class Asked(LocalBackend):
    in_doubt = InDoubt.ASK


def ask_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the local mailbox about all that is unknown."""
    leaves_by(monkeypatch, Asked())
    Message.objects.update(due_at=Now())
    reconciling.ask_providers()


def arrived(message: Message) -> None:
    key = Message.key_of(message.pk)
    MailboxMessage.objects.create(key=key, recipient="c@example.com", subject="", raw=b"")


def test_a_provider_that_can_be_asked_is_asked(lost: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    leaves_by(monkeypatch, Asked())
    arrived(lost[0])
    Message.objects.update(due_at=Now() + timedelta(minutes=1))
    assert reconciling.ask_providers() == 0
    Message.objects.update(due_at=Now())
    assert reconciling.ask_providers() == 2
    assert [state_of(one) for one in lost] == [("sent", "asked"), ("failed", "asked")]
    assert lost[1].reason == "the provider does not have it: reset"


def withdrawn(message: Message) -> str:
    withdraw([message.customer_id], source="test")
    return "consent withdrawn"


def suppressed(message: Message) -> str:
    Suppression.objects.create(address_hash=address_hash("c@example.com"), reason="complaint")
    return "complaint"


@pytest.mark.parametrize("bar", [withdrawn, suppressed])
def test_what_did_not_arrive_and_may_not_be_sent_any_more_was_suppressed(
    bar: Callable[[Message], str], lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = bar(lost[0])
    ask_local(monkeypatch)
    assert state_of(lost[0]) == ("suppressed", "asked")
    assert (lost[0].reason, lost[0].sent_at) == (reason, None)


def test_what_was_held_back_after_all_still_heeds_a_late_bounce(
    lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawn(lost[0])
    ask_local(monkeypatch)
    assert state_of(lost[0]) == ("suppressed", "asked")
    heed(lost[0], MessageEvent.Bounce.HARD, words="user unknown")
    assert Suppression.objects.get().reason == "hard_bounce"


@pytest.mark.parametrize("kind", ["delivered", "bounced"])
@pytest.mark.parametrize("bar", [None, withdrawn])
def test_a_report_that_the_provider_took_it_outweighs_that_it_did_not_have_it(
    bar: Callable[[Message], str] | None, kind: str, lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    if bar:
        bar(lost[0])
    ask_local(monkeypatch)
    report(lost[0], "rejected")
    assert state_of(lost[0]) == ("suppressed" if bar else "failed", "asked")
    report(lost[0], kind)
    assert state_of(lost[0]) == ("sent", "report")
    assert (lost[0].reason, lost[0].sent_at) == ("", lost[0].handed_over_at)
    assert MessageEvent.objects.filter(kind="sent").count() == 1


def test_only_those_are_suppressed_who_withdrew(lost: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    withdrawn(lost[0])
    ask_local(monkeypatch)
    assert [state_of(one)[0] for one in lost] == ["suppressed", "failed"]


def test_what_arrived_before_its_reader_withdrew_was_sent(
    lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawn(lost[0])
    arrived(lost[0])
    ask_local(monkeypatch)
    assert state_of(lost[0]) == ("sent", "asked")
    assert (lost[0].reason, lost[0].recipient) == ("", "c@example.com")


def test_a_test_asks_no_consent_afterwards_either(
    dispatch: Dispatch, lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    Dispatch.objects.update(kind="test")
    withdrawn(lost[0])
    ask_local(monkeypatch)
    assert {state_of(one)[0] for one in lost} == {"failed"}


def test_one_process_at_a_time_asks_a_provider(
    dispatch: Dispatch, lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaves_by(monkeypatch, Asked())
    Message.objects.update(due_at=Now())
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [reconciling._LOCK, dispatch.sender_id])
        assert reconciling.ask_providers() == 0
        cursor.execute("SELECT pg_advisory_unlock_all()")
    other.close()
    assert reconciling.ask_providers() == 2


def test_of_what_a_provider_was_not_asked_nothing_is_concluded(
    lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(LocalBackend):
        in_doubt = InDoubt.ASK

        def ask(self, keys: Sequence[str], *, deadline: float) -> dict[str, str]:
            return {Message.key_of(lost[0].pk): ""}

    leaves_by(monkeypatch, Slow())
    Message.objects.update(due_at=Now())
    assert reconciling.ask_providers() == 1
    assert [state_of(one) for one in lost] == [("failed", "asked"), ("unknown", "")]


def test_a_provider_that_cannot_answer_settles_nothing(
    lost: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute(LocalBackend):
        in_doubt = InDoubt.ASK

        def ask(self, keys: object, *, deadline: float) -> dict[str, str]:
            raise Unavailable("mute")

    leaves_by(monkeypatch, Mute())
    assert reconciling.ask_providers() == 0
    assert {state_of(one) for one in lost} == {("unknown", "")}


@pytest.fixture
def approver(client: Client) -> Client:
    client.force_login(User.objects.create_user("ada@example.com", role=Role.APPROVER))
    return client


def test_the_page_lists_what_is_unknown_and_says_why(approver: Client, lost: list[Message]) -> None:
    Message.objects.filter(pk=lost[0].pk).update(state="sent")
    page = approver.get(reverse("delivery:unknown")).content.decode()
    assert page.count("Send again?") == 1
    assert ("reset" in page, "Spring" in page) == (True, True)


def test_an_approver_sends_again_and_the_audit_trail_says_so(
    approver: Client, dispatch: Dispatch, lost: list[Message]
) -> None:
    approver.post(reverse("delivery:send_again", args=[lost[0].pk]))
    lost[0].refresh_from_db()
    assert (lost[0].state, lost[0].attempts, lost[0].handed_over_at) == ("queued", 0, None)
    assert AuditEntry.objects.filter(action="delivery:send_again", object_id=str(lost[0].pk)).count() == 1
    assert [one.id for one in outbox.claim(dispatch.pk, limit=9)] == [lost[0].pk]


@pytest.mark.parametrize("what", ["settled", "cancelled"])
def test_only_what_is_unknown_and_not_cancelled_is_sent_again(
    approver: Client, dispatch: Dispatch, lost: list[Message], what: str
) -> None:
    if what == "settled":
        Message.objects.update(state="sent")
    else:
        steer(dispatch.pk, "cancel")
    approver.post(reverse("delivery:send_again", args=[lost[0].pk]))
    assert not Message.objects.filter(state="queued").exists()


def test_a_viewer_may_look_and_not_send(client: Client, lost: list[Message]) -> None:
    client.force_login(User.objects.create_user("bob@example.com", role=Role.VIEWER))
    assert "Send again?" not in client.get(reverse("delivery:unknown")).content.decode()
    assert client.post(reverse("delivery:send_again", args=[lost[0].pk])).status_code == 403
    assert {state_of(one)[0] for one in lost} == {"unknown"}
