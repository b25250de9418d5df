"""What stops and slows sending: the kill switch, rules of other apps at the claim, rates, and a page that says so."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import redis
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from common import valkey
from common.clock import now
from customers.models import Alert
from delivery import breaker, domains, heartbeats, outbox, pacing, watching
from delivery.answers import Accepted, Answer, Deferred, InDoubt, Refused, Unavailable
from delivery.backends.base import Outgoing
from delivery.backends.local import LocalBackend
from delivery.breaker import Gate
from delivery.models import Breaker, Dispatch, DomainPace, KillSwitch, Message, SendWorker
from delivery.obstacles import Obstacle
from delivery.sending import GROUP, send_chunk
from delivery.steering import allow_everything, stop_everything
from delivery.turns import due_dispatches
from tests.delivery.leaving import leaves_by
from tests.delivery.test_sending import compose

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


@pytest.fixture
def marketer() -> User:
    return User.objects.create_user("mia@example.com", role=Role.MARKETER)


def leaves_the_house_by(patch: pytest.MonkeyPatch, dispatch: Dispatch, backend: LocalBackend) -> None:
    """Have the dispatch leave the house by this backend."""
    type(dispatch.sender).objects.update(backend="gateway", address="http://127.0.0.1:1/")
    dispatch.sender.refresh_from_db()
    leaves_by(patch, backend, way="gateway")


def test_nothing_is_claimed_while_the_kill_switch_is_on(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    stop_everything(reason="wrong prices", by=None)
    assert outbox.claim(dispatch.pk, limit=1) == []
    assert due_dispatches() == []
    allow_everything(reason="prices are right", by=None)
    assert due_dispatches() == [dispatch.pk]
    assert len(outbox.claim(dispatch.pk, limit=1)) == 1


def test_what_was_claimed_and_not_handed_over_goes_back_when_all_is_stopped(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(GROUP + 1)

    class Stopping(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            stop_everything(reason="wrong prices", by=None)
            return super().send(batch, deadline=deadline)

    leaves_the_house_by(monkeypatch, dispatch, Stopping())
    result = send_chunk(dispatch, compose=compose)
    assert (result.states, result.stopped) == ({"sent": GROUP}, True)
    kept = Message.objects.exclude(state="sent").get()
    assert (kept.state, kept.reason, kept.attempts) == ("queued", "it was stopped", 0)


def test_stopping_and_allowing_are_audited_with_their_reasons_and_shown_on_every_page(
    client: Client, marketer: User
) -> None:
    client.force_login(marketer)
    client.post("/delivery/stop/", {"reason": "wrong prices"})
    assert KillSwitch.objects.values_list("is_on", "reason", "changed_by").get() == (
        True,
        "wrong prices",
        marketer.pk,
    )
    assert "wrong prices" in client.get("/unknown/").content.decode()
    client.post("/delivery/allow/", {"reason": "they are right"})
    assert "stopped-note" not in client.get("/unknown/").content.decode()
    acts = AuditEntry.objects.filter(action__contains="sending").order_by("pk")
    found = acts.values_list("user", "action", "detail")
    assert list(found) == [
        (marketer.pk, "stopped all sending", "wrong prices"),
        (marketer.pk, "allowed sending again", "they are right"),
    ]


def test_without_a_reason_nothing_is_stopped(client: Client, marketer: User) -> None:
    client.force_login(marketer)
    answer = client.post("/delivery/stop/", {"reason": " "})
    assert (answer.status_code, "This field is required" in answer.content.decode()) == (400, True)
    assert not KillSwitch.objects.filter(is_on=True).exists()


def capped() -> Obstacle:
    return Obstacle(reason="frequency cap: 100%", condition="customer.email LIKE 'c0@%'")


def put_off() -> Obstacle:
    return Obstacle(
        reason="quiet hours",
        condition="customer.email LIKE 'c1@%' AND dispatch.kind = 'campaign'",
        due_again="due.due_at + interval '1 hour'",
    )


def no_rule() -> None:
    return None


def test_rules_of_other_apps_skip_or_put_off_at_the_claim(
    dispatch: Dispatch, queue: Queue, settings: Settings
) -> None:
    settings.CLAIM_OBSTACLES = [f"{__name__}.{name}" for name in ("no_rule", "capped", "put_off")]
    skipped, later, free = queue(3)
    assert [one.id for one in outbox.claim(dispatch.pk, limit=10)] == [free.pk]
    found = {pk: rest for pk, *rest in Message.objects.values_list("pk", "state", "reason", "attempts")}
    assert found[skipped.pk] == ["skipped", "frequency cap: 100%", 1]
    assert found[later.pk] == ["queued", "quiet hours", 0]
    assert Message.objects.get(due_at__gt=Now() + timedelta(minutes=50)).pk == later.pk


def test_what_may_have_arrived_is_not_asked_about_rules_again(
    dispatch: Dispatch, queue: Queue, settings: Settings
) -> None:
    (message,) = queue(1)
    Message.objects.update(raw=b"Hi", recipient=message.customer.email, handed_over_at=Now())
    settings.CLAIM_OBSTACLES = [f"{__name__}.capped"]
    assert [one.id for one in outbox.claim(dispatch.pk, limit=10)] == [message.pk]


class Away(redis.Redis):
    def execute_command(self, *args: object, **options: object) -> None:
        raise redis.ConnectionError("away")


def test_the_rate_holds_without_valkey(dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "client", Away)
    taken = [pacing.take("sender:0", rate_per_second=3, wanted=2) for _ in range(3)]
    assert taken == [2, 1, 0]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_bucket SET moment = moment - interval '1 hour'")
    assert pacing.take("sender:0", rate_per_second=3, wanted=10) == 3
    pacing.give_back("sender:0", count=1)


def test_a_dispatch_keeps_its_own_rate_and_gives_the_rest_back_to_its_sender(
    dispatch: Dispatch, queue: Queue
) -> None:
    queue(5)
    dispatch.rate_per_second, dispatch.sender.rate_per_second = 2, 4
    first, second = (send_chunk(dispatch, compose=compose) for _ in range(2))
    assert first.claimed == 2
    assert second.claimed <= 1
    assert second.claimed or second.waits_for == "its own rate of 2 a second"
    assert pacing.take(pacing.sender_bucket(dispatch.sender_id), rate_per_second=4, wanted=4) >= 1


def test_a_refusing_provider_is_left_alone_and_then_tried_with_one_mail_by_one_worker(
    dispatch: Dispatch,
) -> None:
    sender = dispatch.sender_id
    assert breaker.enter(sender, for_seconds=60) == Gate.OPEN_TO_ALL
    breaker.shut(sender, reason="busy", retry_after=timedelta(minutes=5))
    breaker.shut(sender, reason="busy", retry_after=timedelta(minutes=5))
    assert breaker.enter(sender, for_seconds=60) == Gate.SHUT
    assert Breaker.objects.values_list("refusals", "reason").get() == (1, "busy")
    breaker.try_now(sender)
    assert [breaker.enter(sender, for_seconds=60) for _ in range(2)] == [Gate.ONE_TO_TRY, Gate.SHUT]
    breaker.open_again(sender)
    assert breaker.enter(sender, for_seconds=60) == Gate.OPEN_TO_ALL


def test_the_wait_for_a_refusing_provider_doubles_up_to_a_quarter_of_an_hour(dispatch: Dispatch) -> None:
    waits = []
    for _ in range(14):
        breaker.shut(dispatch.sender_id, reason="busy", retry_after=None)
        waits.append((Breaker.objects.get().retry_at - now()).total_seconds())
        breaker.try_now(dispatch.sender_id)
    assert 0.5 < waits[0] <= 1.25
    assert 2.5 < waits[2] <= 5
    assert all(650 < wait <= 1125 for wait in waits[11:])


def test_a_probe_whose_worker_died_is_followed_by_another(dispatch: Dispatch) -> None:
    breaker.shut(dispatch.sender_id, reason="busy", retry_after=None)
    breaker.try_now(dispatch.sender_id)
    assert breaker.enter(dispatch.sender_id, for_seconds=0) == Gate.ONE_TO_TRY
    assert breaker.enter(dispatch.sender_id, for_seconds=0) == Gate.ONE_TO_TRY


def test_a_refused_chunk_shuts_the_way_and_a_taken_mail_opens_it(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(3)

    class Busy(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            raise Unavailable("busy", retry_after=timedelta(minutes=7))

    leaves_the_house_by(monkeypatch, dispatch, Busy())
    assert send_chunk(dispatch, compose=compose).unavailable
    waits = Breaker.objects.get().retry_at - now()
    assert timedelta(minutes=6, seconds=50) < waits < timedelta(minutes=7, seconds=30)
    assert due_dispatches() == []
    leaves_the_house_by(monkeypatch, dispatch, LocalBackend())
    Message.objects.update(due_at=now() - timedelta(seconds=1))
    breaker.try_now(dispatch.sender_id)
    assert [send_chunk(dispatch, compose=compose).claimed for _ in range(2)] == [1, 2]
    assert not Breaker.objects.exists()


def test_mail_above_a_domains_rate_is_spread_over_the_time_it_needs(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(30)
    domains.set_rate("example.com", 10)
    leaves_the_house_by(monkeypatch, dispatch, LocalBackend())
    result = send_chunk(dispatch, compose=compose)
    assert (result.claimed, result.states) == (30, {"sent": 10})
    waiting = Message.objects.filter(state="queued")
    assert set(waiting.values_list("reason", "attempts")) == {
        ("waits for the rate of example.com, 10 a second", 0)
    }
    assert waiting.filter(due_at__lt=now() + timedelta(seconds=1.5)).count() == 10
    assert waiting.filter(due_at__gt=now() + timedelta(seconds=2.2)).count() == 0


def test_the_local_mailbox_knows_no_pace_of_domains(dispatch: Dispatch, queue: Queue) -> None:
    queue(3)
    domains.set_rate("example.com", 1)
    assert send_chunk(dispatch, compose=compose).states == {"sent": 3}


class Answering(LocalBackend):
    """Gives one answer to everybody."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.in_doubt = answer, InDoubt.LEAVE

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
        return [(mail, self.answer) for mail in batch]


def test_a_domain_that_delays_everything_rests_longer_each_time(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(2)
    leaves_the_house_by(monkeypatch, dispatch, Answering(Deferred(reason="421 4.7.0 try again later")))
    rests = []
    for _ in range(2):
        Message.objects.update(due_at=now() - timedelta(seconds=1))
        DomainPace.objects.update(resting_until=None)
        send_chunk(dispatch, compose=compose)
        rests.append((DomainPace.objects.get(domain="example.com").resting_until - now()).total_seconds())
    assert 25 < rests[0] <= 30
    assert 55 < rests[1] <= 60
    Message.objects.update(due_at=now() - timedelta(seconds=1))
    assert send_chunk(dispatch, compose=compose).states == {}
    assert Message.objects.filter(reason="example.com rests: it asks to come again later").count() == 2
    assert domains.wake("example.com")
    leaves_the_house_by(monkeypatch, dispatch, Answering(Accepted(provider_id="p")))
    Message.objects.update(due_at=now() - timedelta(seconds=1))
    assert send_chunk(dispatch, compose=compose).states == {"sent": 2}


def test_a_refusal_by_policy_lets_the_domain_rest_and_tells_somebody(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(1)
    leaves_the_house_by(monkeypatch, dispatch, Answering(Refused(reason="550 5.7.1 blocked by policy")))
    assert send_chunk(dispatch, compose=compose).states == {"failed": 1}
    assert DomainPace.objects.get(domain="example.com").rests
    assert Alert.objects.get().key == "delivery:domain:example.com"
    watching.refresh_alerts()
    assert Alert.objects.get().resolved_at is None
    domains.wake("example.com")
    watching.refresh_alerts()
    assert Alert.objects.get().resolved_at is not None


def test_the_page_says_in_sentences_what_keeps_mail(
    client: Client, marketer: User, dispatch: Dispatch, queue: Queue
) -> None:
    queue(1)
    Message.objects.update(due_at=now() - timedelta(minutes=10))
    breaker.shut(dispatch.sender_id, reason="503 busy", retry_after=timedelta(minutes=9))
    domains.rest("example.org", reason="it asks to come again later", lasting=timedelta(hours=1))
    client.force_login(marketer)
    page = client.get("/delivery/").content.decode()
    assert "The provider of Shop takes nothing since" in page
    assert "Mail to example.org rests until" in page
    assert "takes nothing since" in watching.blocker_of(dispatch)
    breaker.open_again(dispatch.sender_id)
    assert "no sending worker has been seen yet" in watching.blocker_of(dispatch)
    heartbeats.beat(dispatch_id=dispatch.pk, settled=3, waits_for="its own rate of 1 a second")
    assert watching.blocker_of(dispatch) == "It waits for its own rate of 1 a second."
    stop_everything(reason="wrong prices", by=marketer)
    assert watching.blocker_of(dispatch).startswith("All sending was stopped by mia@example.com at ")


def test_grave_blockers_raise_alerts_that_go_by_themselves(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    Message.objects.update(due_at=now() - timedelta(minutes=10))
    assert watching.refresh_alerts() == 1
    assert Alert.objects.filter(resolved_at=None).values_list("key", flat=True).get() == "delivery:workers"
    heartbeats.beat(dispatch_id=None)
    assert watching.refresh_alerts() == 0
    assert not Alert.objects.filter(resolved_at=None).exists()
    breaker.shut(dispatch.sender_id, reason="busy", retry_after=timedelta(hours=1))
    assert watching.refresh_alerts() == 0
    Breaker.objects.update(since=now() - timedelta(minutes=6))
    assert watching.refresh_alerts() == 1


def test_a_process_has_one_heartbeat(dispatch: Dispatch) -> None:
    for _ in range(2):
        heartbeats.beat(dispatch_id=dispatch.pk, settled=2)
    assert SendWorker.objects.values_list("dispatch", "settled").get() == (dispatch.pk, 4)
    SendWorker.objects.update(seen_at=now() - timedelta(days=8))
    assert heartbeats.forget_old() == 1


def test_a_colleague_sets_and_corrects_the_pace_of_a_domain(client: Client, marketer: User) -> None:
    client.force_login(marketer)
    for rate in ("7", ""):
        client.post("/delivery/domains/", {"domain": " @Bücher.example", "rate_per_second": rate})
        stored = DomainPace.objects.values_list("rate_per_second", flat=True).get(
            domain="xn--bcher-kva.example"
        )
        assert stored == (int(rate) if rate else None)
    for bad in ({"domain": "no domain"}, {"domain": "gmail.com", "rate_per_second": "0"}):
        assert client.post("/delivery/domains/", bad).status_code == 400
