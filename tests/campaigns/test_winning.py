"""Those who wait for a winner: held at the launch, mailed once with what won, and told why."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import AuditEntry, Role, User
from campaigns import piloting, winning
from campaigns.books import reconcile
from campaigns.explaining import tell
from campaigns.launching import launch
from campaigns.mail_trials import mail_trials
from campaigns.models import Campaign, Pilot, RemainderRelease
from campaigns.sending import send_due
from common.clock import now
from customers.models import Alert, Customer
from delivery.models import Message
from delivery.steering import steer
from experiments.models import Experiment, Look, Variant
from tests.campaigns.making import BODY, draft
from tests.reports.running import same_people

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TREATED = BODY.replace("there", "treated")
OTHER = Variant.Role.REMAINDER


def waiting(count: int = 60, *, no_mail: int = 0, pilot: int = 0, **plan: object) -> Campaign:
    """A launched campaign of two arms of 30 % each and 40 % who wait for the winner, who is sent by itself.

    To so many people, or to those who are there already.
    """
    if not Customer.objects.exists():
        same_people(count)
    campaign = draft(no_mail=no_mail, body=TREATED)
    arms = campaign.experiment.variants
    arms.filter(role__in=winning.IN_TEST).update(weight=3_000 - no_mail * 50)
    arms.create(key="rest", name="Rest", role=OTHER, weight=4_000, position=9)
    plan = {"winner": "auto_send", "remainder_percent": 40} | plan
    Experiment.objects.filter(pk=campaign.experiment_id).update(**plan)
    if pilot:
        Pilot.objects.create(campaign=campaign, percent=pilot)
    launch(campaign.pk)
    return fresh()


def fresh() -> Campaign:
    return Campaign.objects.select_related("experiment", "dispatch", "segment").get()


def decide(variant: str, *, status: str = "winner") -> None:
    """The last look has decided."""
    Look.objects.update(
        state="taken", taken_at=now(), is_deciding=True, status=status, sentence="Personalised wins."
    )
    Experiment.objects.update(decided_at=now(), decided_variant=variant)


def release() -> list[int]:
    """What beat does, two days later."""
    return winning.release_due(at=now() + 2 * DAY)


def states(key: str = "rest") -> set[tuple[str, str]]:
    return set(Message.objects.filter(variant_key=key).values_list("state", "reason"))


def sent_words() -> dict[str, set[str]]:
    """The hash of what was sent stands for its words: by arm."""
    found: dict[str, set[str]] = {}
    for key, resolved in Message.objects.filter(state="sent").values_list("variant_key", "resolved"):
        found.setdefault(key, set()).add(str(resolved["template_version"]))
    return found


def test_who_waits_is_held_in_the_books_and_gets_nothing_with_the_test() -> None:
    campaign = waiting()
    held = set(campaign.recipients.filter(variant_key="rest").values_list("customer_id", flat=True))
    assert set(Message.objects.filter(state="held").values_list("customer_id", flat=True)) == held
    assert send_due(campaign.dispatch_id) == 60 - len(held)
    assert 0 < len(held) < 60
    assert reconcile(campaign).adds_up
    assert release() == []


def test_the_winner_is_sent_to_exactly_them_once_at_the_same_hour_of_the_day() -> None:
    campaign = waiting()
    send_due(campaign.dispatch_id)
    before = dict(Message.objects.filter(state="held").values_list("pk", "due_at"))
    decide("b")
    assert winning.release_due(at=now() + timedelta(hours=23)) == []
    assert release() == [campaign.dispatch_id]
    assert release() == []
    assert dict(Message.objects.filter(state="queued").values_list("pk", "due_at")) == {
        pk: at + DAY for pk, at in before.items()
    }
    assert send_due(campaign.dispatch_id) == 0
    Message.objects.filter(state="queued").update(due_at=now())
    assert send_due(campaign.dispatch_id) == len(before)
    versions = sent_words()
    assert versions["rest"] == versions["b"] != versions["a"]
    books = reconcile(campaign)
    assert (books.adds_up, books.is_finished, books.sent) == (True, True, 60)


def test_an_arm_that_won_by_its_hour_keeps_it() -> None:
    campaign = waiting()
    campaign.variants.filter(variant__key="b").update(send_shift_hours=5)
    before = dict(Message.objects.filter(state="held").values_list("pk", "due_at"))
    decide("b")
    release()
    assert dict(Message.objects.filter(variant_key="rest").values_list("pk", "due_at")) == {
        pk: at + timedelta(hours=5) for pk, at in before.items()
    }


@pytest.mark.parametrize(
    ("rule", "heavier", "expected"),
    [("baseline", "b", "a"), ("largest", "b", "b"), ("largest", "a", "a")],
)
def test_without_a_winner_the_plan_says_what_they_get(rule: str, heavier: str, expected: str) -> None:
    waiting(no_winner=rule)
    Variant.objects.filter(key=heavier).update(weight=3_500)
    decide("", status="no_winner")
    assert len(release()) == 1
    assert RemainderRelease.objects.get().variant_key == expected


@pytest.mark.parametrize(
    ("plan", "status"),
    [
        ({"no_winner": "ask"}, "no_winner"),
        ({}, "invalid"),
        ({"no_winner": "largest"}, "harmful"),
        ({"no_winner": "largest"}, "holdout_wins"),
        ({"no_winner": "largest"}, "winner_at_risk"),
        ({"winner": "show"}, "winner"),
    ],
    ids=["ask", "invalid", "harmful", "worse_than_no_mail", "at_risk", "show"],
)
def test_a_person_is_asked_once_where_the_plan_does_not_say(plan: dict[str, object], status: str) -> None:
    waiting(**plan)
    decide("b" if status.startswith("winner") else "", status=status)
    assert (release(), release()) == ([], [])
    assert Alert.objects.get().title == "Those who wait for the winner of Spring need your word"
    assert states() == {("held", "")}


@pytest.mark.parametrize("counted", ["assigned", "delivered"])
def test_a_person_is_asked_where_the_sizes_went_wrong_after_the_look(counted: str) -> None:
    campaign = waiting(60)
    decide("b")
    if counted == "assigned":
        campaign.recipients.filter(variant_key="a").update(variant_key="gone")
    else:
        Message.objects.filter(variant_key="a").update(state="sent", sent_at=now())
        Message.objects.filter(variant_key="b").update(state="failed")
    assert release() == []
    assert Alert.objects.get().body.startswith(f"By now {counted} customers are ")
    assert states() == {("held", "")}


def test_a_person_decides_by_hand_and_that_is_kept(client: Client) -> None:
    client.force_login(User.objects.create_user("ann@example.com", role=Role.APPROVER))
    waiting(no_winner="ask")
    decide("", status="no_winner")
    release()
    client.post("/campaigns/spring/remainder/", {"variant": "b"})
    kept = RemainderRelease.objects.get()
    assert (kept.variant_key, str(kept.released_by)) == ("b", "ann@example.com")
    assert kept.why == "ann@example.com decided by hand, after the test had a verdict."
    assert states() == {("queued", "")}
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert AuditEntry.objects.filter(action="sent a winner to the remainder").count() == 1
    answer = client.post("/campaigns/spring/remainder/", {"variant": "a"}, follow=True)
    assert "decided already" in answer.content.decode()


@pytest.mark.parametrize("chosen", ["", "rest", "nonsense"])
def test_a_choice_of_no_arm_is_refused_and_nothing_happens(client: Client, chosen: str) -> None:
    client.force_login(User.objects.create_user("ann@example.com", role=Role.APPROVER))
    waiting()
    answer = client.post("/campaigns/spring/remainder/", {"variant": chosen}, follow=True)
    assert "Choose one of the arms." in answer.content.decode()
    assert (states(), RemainderRelease.objects.exists()) == ({("held", "")}, False)


def test_nobody_who_waits_can_be_left_without_a_mail_by_hand(client: Client) -> None:
    client.force_login(User.objects.create_user("ann@example.com", role=Role.APPROVER))
    campaign = waiting()
    client.post("/campaigns/spring/remainder/", {"variant": "nobody"})
    assert states() == {("skipped", winning.LEFT_OUT)}
    decide("b")
    assert release() == []
    assert reconcile(campaign).adds_up


def test_a_worker_that_dies_leaves_them_waiting_for_the_next() -> None:
    campaign = waiting()
    decide("b")
    with pytest.raises(InterruptedError), transaction.atomic():
        release()
        raise InterruptedError
    assert (states(), campaign.variants.count()) == ({("held", "")}, 2)
    assert release() == [campaign.dispatch_id]
    assert campaign.variants.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_release_them_once() -> None:
    campaign = waiting(20)
    decide("b")
    found: list[int] = []

    def work() -> None:
        found.extend(release())
        connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert found == [campaign.dispatch_id]
    assert (RemainderRelease.objects.count(), campaign.variants.count()) == (1, 3)


def test_the_end_of_a_pilot_does_not_release_them() -> None:
    campaign = waiting(pilot=50)
    assert piloting.go_on(campaign, by=None)
    assert states() == {("held", "")}
    assert {state for state, _ in states("a") | states("b")} == {"queued"}


def test_an_undecided_pilot_comes_first() -> None:
    waiting(pilot=50)
    decide("b")
    assert release() == []


@pytest.mark.parametrize(
    ("state", "said"), [("running", "The pilot comes first"), ("stopped", "The pilot was stopped")]
)
def test_nobody_goes_past_a_pilot_by_hand(client: Client, state: str, said: str) -> None:
    client.force_login(User.objects.create_user("ann@example.com", role=Role.APPROVER))
    waiting(pilot=50)
    Pilot.objects.update(state=state)
    page = client.get("/experiments/spring/").content.decode()
    assert said in page
    assert "Decide by hand instead" not in page
    answer = client.post("/campaigns/spring/remainder/", {"variant": "b"}, follow=True)
    assert said in answer.content.decode()
    assert (states(), RemainderRelease.objects.exists()) == ({("held", "")}, False)


def test_a_cancelled_campaign_mails_none_of_them() -> None:
    campaign = waiting()
    steer(campaign.dispatch_id, "cancel")
    decide("b")
    assert release() == []
    assert not winning.release(campaign, variant_key="b", why="", by=None)
    assert {state for state, _ in states()} == {"skipped"}


def test_why_says_that_they_wait_and_then_what_they_got() -> None:
    campaign = waiting()
    who = Customer.objects.get(pk=campaign.recipients.filter(variant_key="rest")[0].customer_id)
    assert tell(campaign, who).verdict == "The mail is held back until the test has a winner."
    decide("b")
    release()
    message = tell(campaign, who).chapters[3]
    assert message.title == "Message"
    assert (
        "They waited for the winner and get what “Personalised” got. Personalised wins." in message.sentences
    )


def test_who_waits_teaches_nothing_about_what_a_mail_does() -> None:
    campaign = waiting(no_mail=20)
    Message.objects.update(state="sent")
    [trial] = mail_trials(since=now() - DAY, until=now() + DAY)
    assert len(trial.customers) == campaign.recipients.exclude(variant_key="rest").count()
