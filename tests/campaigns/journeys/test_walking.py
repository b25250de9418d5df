"""Going through a journey: waits, ways, effects, and that nothing is done twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.journeys import walking
from campaigns.journeys.counting import figures_of
from campaigns.journeys.entering import enter_by_news
from campaigns.models import Enrolment, Journey, WebhookCall
from campaigns.sending import send_due
from customers.consent import withdraw
from customers.erasure import erase
from customers.merging import merge
from customers.models import Assignment, Customer, EventType
from delivery.models import MailboxMessage, Message
from experiments.models import Experiment, Variant
from tests.campaigns.journeys.going import HOUR, REMIND, been_through, did, enrol, journey, later, walk
from tests.campaigns.making import launched, people

pytestmark = pytest.mark.django_db
AN_HOUR = timedelta(hours=1)


def steps(*written: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document with these steps."""
    return {"trigger": {"event": "product_added"}, "steps": list(written), **more}


def test_a_mail_is_queued_when_the_wait_is_over_and_not_before() -> None:
    (one,) = people(1)
    way = journey()
    enrol(way, one)
    assert walk(way) == 1
    assert Message.objects.count() == 0
    later(timedelta(minutes=59))
    assert walk(way) == 0
    later(timedelta(minutes=1))
    assert walk(way) == 1
    message = Message.objects.get()
    enrolment = Enrolment.objects.get()
    assert (message.customer_id, message.variant_key) == (one.pk, "1.remind")
    assert message.occasion == f"{enrolment.pk}:1"
    assert (enrolment.is_active, enrolment.ending) == (None, "done")
    assert been_through(one) == [("an-hour", "waited"), ("remind", "sent")]


def test_the_mail_arrives() -> None:
    (one,) = people(1)
    way = journey(steps(REMIND))
    enrol(way, one)
    walk(way)
    assert send_due(way.dispatch_id) == 1
    assert MailboxMessage.objects.get().recipient == one.email


def test_who_withdrew_consent_meanwhile_gets_none() -> None:
    (one,) = people(1)
    way = journey(steps(REMIND))
    enrol(way, one)
    walk(way)
    withdraw([one.pk], source="test")
    send_due(way.dispatch_id)
    assert (Message.objects.get().state, MailboxMessage.objects.count()) == ("suppressed", 0)


@pytest.mark.parametrize(("country", "expected"), [("GB", "sent"), ("FR", "exit")])
def test_a_branch_goes_by_what_is_true_then(country: str, expected: str) -> None:
    (one,) = people(1)
    asked = {"name": "british", "branch": {"attribute": "country", "value": "GB"}, "no": "out"}
    way = journey(steps(HOUR, asked, {**REMIND, "then": "end"}, {"name": "out", "exit": True}))
    enrol(way, one)
    walk(way)
    Customer.objects.update(country=country)
    later(AN_HOUR)
    walk(way)
    assert been_through(one)[-1][1] == expected


def test_the_goal_ends_the_way_wherever_somebody_stands() -> None:
    (one,) = people(1)
    way = journey(steps(HOUR, REMIND, goal={"event": "order_placed", "within": {"days": 1}}))
    enrol(way, one)
    walk(way)
    did(one, EventType.ORDER_PLACED)
    later(AN_HOUR)
    walk(way)
    assert (been_through(one), Message.objects.count()) == ([("an-hour", "goal")], 0)


BOUGHT = {
    "name": "bought",
    "wait": {"event": "order_placed", "at_most": {"days": 2}},
    "happened": "end",
}


def test_an_event_that_is_waited_for_wakes_at_once() -> None:
    (one,) = people(1)
    way = journey(steps(BOUGHT, REMIND))
    enrol(way, one)
    walk(way)
    later(timedelta(minutes=2))
    assert walk(way) == 1  # the second look
    assert walk(way) == 0
    did(one, EventType.ORDER_PLACED)
    enter_by_news()
    walk(way)
    assert been_through(one) == [("bought", "happened")]


def test_what_ended_one_wait_does_not_end_the_next() -> None:
    (one,) = people(1)
    again = {**BOUGHT, "name": "bought-again"}
    way = journey(steps({**BOUGHT, "happened": "bought-again"}, again))
    enrol(way, one)
    walk(way)
    did(one, EventType.ORDER_PLACED)
    enter_by_news()
    walk(way)
    assert been_through(one) == [("bought", "happened")]
    assert Enrolment.objects.get().step == "bought-again"


def test_another_event_wakes_nobody_and_the_wait_runs_out() -> None:
    (one,) = people(1)
    way = journey(steps(BOUGHT, REMIND))
    enrol(way, one)
    walk(way)
    did(one, EventType.PAGE_VIEWED)
    enter_by_news()
    walk(way)
    assert been_through(one) == []
    later(timedelta(days=2))
    walk(way)
    assert been_through(one) == [("bought", "otherwise"), ("remind", "sent")]


def test_an_event_from_before_the_wait_does_not_count() -> None:
    (one,) = people(1)
    did(one, EventType.ORDER_PLACED)
    way = journey(steps(BOUGHT, REMIND))
    enrol(way, one)
    walk(way)
    later(timedelta(days=2))
    Enrolment.objects.update(waits_since=walking.clock() - timedelta(seconds=0.001))
    Enrolment.objects.update(due_at=walking.clock())
    walk(way)
    assert been_through(one) == []


def test_who_is_woken_too_late_leaves() -> None:
    (one,) = people(1)
    wait = {"name": "an-hour", "wait": {"for": {"hours": 1}, "unless_late_by": {"hours": 12}}}
    way = journey(steps(wait, REMIND))
    enrol(way, one)
    walk(way)
    later(timedelta(hours=14))
    walk(way)
    assert (been_through(one), Message.objects.count()) == ([("an-hour", "late")], 0)


def test_after_days_without_a_worker_only_one_mail_is_due() -> None:
    (one,) = people(1)
    way = journey(steps(HOUR, REMIND, {**HOUR, "name": "more"}, {**REMIND, "name": "again"}))
    enrol(way, one)
    walk(way)
    later(timedelta(days=3))
    walk(way)
    assert [message.variant_key for message in Message.objects.all()] == ["1.remind"]


def test_what_a_step_noted_is_known_to_the_next() -> None:
    (one,) = people(1)
    way = journey(
        steps(
            {"name": "mark", "set": {"tier": "gold"}},
            {"name": "is-gold", "branch": {"attribute": "attributes.tier", "value": "gold"}, "no": "end"},
            REMIND,
        )
    )
    enrol(way, one)
    walk(way)
    one.refresh_from_db()
    assert one.attributes == {"tier": "gold"}
    assert been_through(one) == [("mark", "noted"), ("is-gold", "yes"), ("remind", "sent")]


def experiment() -> Experiment:
    """Half and half."""
    made = Experiment.objects.create(key="half", name="Half", salt="half")
    for key in "ab":
        Variant.objects.create(experiment=made, key=key, name=key, role="treatment", weight=5_000)
    return made


def test_a_split_goes_by_the_variant_that_is_frozen_with_it() -> None:
    many = people(20)
    made = experiment()
    split = {"name": "halves", "split": "half", "arms": {"a": "remind", "b": "end"}}
    way = journey(steps(split, REMIND))
    Assignment.objects.create(
        customer=many[0], experiment_key="half", variant_key="b", assigned_at=walking.clock()
    )
    enrol(way, *many)
    walk(way)
    arms = dict(Assignment.objects.values_list("customer_id", "variant_key"))
    mailed = set(Message.objects.values_list("customer_id", flat=True))
    made.refresh_from_db()
    assert len(arms) == 20
    assert mailed == {pk for pk, arm in arms.items() if arm == "a"}
    assert arms[many[0].pk] == "b"
    assert made.started_at is not None


def test_a_webhook_step_leaves_a_call_that_names_who_and_where() -> None:
    (one,) = people(1)
    call = {"name": "tell", "webhook": {"url": "https://crm.example/in", "data": {"why": "cart"}}}
    way = journey(steps(call), webhook_secret="whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=")
    enrol(way, one)
    walk(way)
    stored = WebhookCall.objects.get()
    assert stored.url == "https://crm.example/in"
    assert stored.body["data"] == {
        "why": "cart",
        "journey": "cart",
        "step": "tell",
        "customer": str(one.public_id),
    }


def test_of_who_forbids_it_nothing_goes_to_others() -> None:
    (one,) = people(1, do_not_sell=True)
    call = {"name": "tell", "webhook": {"url": "https://crm.example/in"}}
    way = journey(steps(call, REMIND), webhook_secret="whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=")
    enrol(way, one)
    walk(way)
    assert (WebhookCall.objects.count(), been_through(one)) == (0, [("tell", "withheld"), ("remind", "sent")])


def test_nobody_moves_in_a_paused_journey() -> None:
    (one,) = people(1)
    way = journey(steps(REMIND))
    enrol(way, one)
    Journey.objects.update(state=Journey.State.PAUSED)
    assert (walk(way), walking.due_journeys()) == (0, [])
    Journey.objects.update(state=Journey.State.CLOSED)
    assert (walking.due_journeys(), walk(way)) == ([way.pk], 1)


def test_a_batch_that_fails_leaves_no_trace_and_one_bad_customer_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, bad = people(2)
    way = journey(steps(REMIND))
    enrol(way, good, bad)
    store = walking.store

    def breaking(journey: Journey, ways: Any, **more: Any) -> int:
        written = store(journey, ways, **more)
        if any(one.customer.pk == bad.pk for one in ways):
            raise RuntimeError("the power went out")
        return written

    monkeypatch.setattr(walking, "store", breaking)
    assert walk(way) == 1
    assert list(Message.objects.values_list("customer", flat=True)) == [good.pk]
    assert been_through(bad) == []
    left = Enrolment.objects.get(customer=bad)
    assert (left.failures, left.step, left.is_active) == (1, "remind", True)


def test_who_fails_for_the_fifth_time_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    (bad,) = people(1)
    way = journey(steps(REMIND))
    enrol(way, bad)

    def broken(*_: object, **__: object) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(walking, "store", broken)
    for _ in range(5):
        assert walk(way) == 0
        later(timedelta(hours=1))
    assert Enrolment.objects.get().ending == "failed"
    assert figures_of(way.live_version)["remind"].outcomes == {"failed": 1}


def test_the_counts_say_where_everybody_is() -> None:
    many = people(5)
    way = journey()
    enrol(way, *many)
    walk(way)
    found = figures_of(way.live_version)
    assert (found["an-hour"].arrived, found["an-hour"].here) == (5, 5)
    later(AN_HOUR)
    walk(way)
    found = figures_of(way.live_version)
    assert (found["an-hour"].here, found["remind"].arrived, found["remind"].here) == (0, 5, 0)
    assert found["remind"].outcomes == {"sent": 5}


def test_two_profiles_on_the_same_way_that_become_one_are_mailed_once() -> None:
    one, other = people(2)
    way = journey()
    enrol(way, one, other)
    walk(way)
    merge(one.pk, other.pk, cause="test")
    later(AN_HOUR)
    walk(way)
    assert list(Message.objects.values_list("customer", flat=True)) == [one.pk]
    assert sorted(Enrolment.objects.values_list("customer", "ending")) == [
        (one.pk, "done"),
        (other.pk, "gone"),
    ]


def test_the_survivor_of_a_merge_goes_on_where_the_other_stood() -> None:
    one, other = people(2)
    way = journey()
    enrol(way, other)
    walk(way)
    merge(one.pk, other.pk, cause="test")
    later(AN_HOUR)
    walk(way)
    assert list(Message.objects.values_list("customer", flat=True)) == [one.pk]


def test_who_was_erased_is_taken_off_at_once_and_still_counted() -> None:
    (one,) = people(1)
    way = journey()
    enrol(way, one, key="event:some-id")
    walk(way)
    erase(one.pk, by=None, reason="asked for it")
    walk(way)
    enrolment = Enrolment.objects.get()
    assert (enrolment.ending, enrolment.entry_key[:7]) == ("gone", "erased-")
    assert figures_of(way.live_version)["an-hour"].here == 0


def test_a_running_campaign_s_unmailed_arm_gets_no_mail_from_a_journey_either() -> None:
    many = people(40)
    campaign, _ = launched(no_mail=50)
    unmailed = set(campaign.recipients.filter(variant_key="no_mail").values_list("customer", flat=True))
    way = journey(steps(REMIND))
    enrol(way, *many)
    walk(way)
    send_due(way.dispatch_id)
    skipped = Message.objects.filter(dispatch=way.dispatch_id, state="skipped")
    assert unmailed
    assert set(skipped.values_list("customer", flat=True)) == unmailed


def queries(way: Journey) -> int:
    """How many queries it takes to move on who is due."""
    with CaptureQueriesContext(connection) as captured:
        walk(way)
    return len(captured)


def test_a_batch_takes_the_same_number_of_queries_for_any_number() -> None:
    many = people(60)
    way = journey()
    enrol(way, *many[:2])
    walk(way)
    later(AN_HOUR)
    few = queries(way)
    enrol(way, *many[2:])
    walk(way)
    later(AN_HOUR)
    assert queries(way) == few
