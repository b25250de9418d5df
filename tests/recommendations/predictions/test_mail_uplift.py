"""Who orders because of a mail: learnt from real campaigns of shops in which the truth is known."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import Role, User
from campaigns.mail_trials import mail_trials
from campaigns.models import Campaign, Recipient
from customers.consent import withdraw
from customers.models import Customer, Order, Score
from delivery.models import Dispatch, Message
from recommendations.predictions import registry
from recommendations.predictions.methods import uplift
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.scores import store_scores
from recommendations.predictions.training import train
from recommendations.predictions.trials import MailTrial, evened
from segments.compiler import compile_condition
from segments.conditions import parse
from tests.campaigns.making import launched, people
from tests.recommendations.conftest import NOW

pytestmark = pytest.mark.django_db
Status = PredictionVersion.Status
LAUNCH = NOW - timedelta(days=20)
YEAR = {"since": NOW - timedelta(days=365), "until": NOW}


def mailing(name: str = "Spring", *, at: datetime = LAUNCH, no_mail: int = 50) -> Campaign:
    """A campaign to everybody, launched then and wholly sent."""
    campaign, _ = launched(name, no_mail=no_mail)
    Message.objects.filter(dispatch=campaign.dispatch).update(state=Message.State.SENT)
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=at)
    campaign.refresh_from_db()
    return campaign


def shop(count: int = 3000, *, differs: bool) -> Campaign:
    """One of ten orders anyway; the mail moves four of ten women where it `differs`, else two of ten of all."""
    known_since = NOW - timedelta(days=200)
    people(count // 2, gender="female", signed_up_at=known_since)
    people(count // 2, gender="male", signed_up_at=known_since)
    campaign = mailing()
    rng = np.random.default_rng(4)
    (trial,) = mail_trials(**YEAR)
    women = set(Customer.objects.filter(gender="female").values_list("pk", flat=True))
    orders = []
    for customer, is_mailed in zip(trial.customers.tolist(), trial.is_mailed, strict=True):
        moved = (0.4 if customer in women else 0.0) if differs else 0.2
        if rng.random() < 0.1 + moved * is_mailed:
            orders.append(
                Order(
                    source="shop",
                    external_id=str(customer),
                    customer_id=customer,
                    placed_at=LAUNCH + timedelta(days=rng.uniform(0, 7)),
                    currency="EUR",
                    total_minor=2000,
                )
            )
    Order.objects.bulk_create(orders)
    return campaign


def is_within_four_errors(truth: float, *, low: float, high: float, **_: object) -> bool:
    """Whether it is near the middle of a 95 % interval, which itself misses the truth once in twenty runs."""
    error = (high - low) / (2 * 1.96)
    return abs((low + high) / 2 - truth) < 4 * error


def test_where_the_mail_moves_women_only_they_have_the_higher_scores() -> None:
    shop(differs=True)
    withdraw([Customer.objects.order_by("pk")[0].pk], source="test")
    found = train("uplift", now=NOW)
    assert found.status == Status.CHAMPION
    assert found.verdict.startswith("The effect differs between people: Qini ")
    assert found.metrics["trials"] == ["Spring"]
    assert is_within_four_errors(0.2, **found.metrics["effect"])
    columns = found.metrics["columns"]
    assert max(columns, key=lambda name: columns[name]["importance"]) == "gender"
    assert columns["gender"]["fill_rate"] == 1.0
    scores = Score.objects.filter(kind="uplift", model_version="uplift-1")
    assert scores.count() == 2999
    means = [
        np.mean(scores.filter(customer__gender=gender).values_list("value", flat=True))
        for gender in ("female", "male")
    ]
    assert means == [pytest.approx(0.4, abs=0.1), pytest.approx(0.0, abs=0.1)]
    top = compile_condition(parse({"score": "uplift", "op": "top_percent", "value": 40}), now=NOW)
    assert set(top.values_list("gender", flat=True)) == {"female"}


def test_where_the_mail_moves_all_alike_there_is_no_score_and_the_average_is_told(client: Client) -> None:
    shop(differs=False)
    PredictionVersion.objects.create(
        kind="uplift", number=1, status=Status.CHAMPION, started_at=LAUNCH, data_until=LAUNCH
    )
    anybody = Customer.objects.values_list("pk", flat=True)[:5]
    store_scores(
        kind="uplift", customers=np.array(anybody), values=np.arange(5.0), version="uplift-1", now=LAUNCH
    )
    found = train("uplift", now=NOW)
    assert found.status == Status.REJECTED
    assert found.verdict.startswith("No evidence that the effect differs between people: Qini ")
    assert (
        "so there is no score. On average a mail changes the share that orders within 7 days by +"
        in found.verdict
    )
    assert is_within_four_errors(0.2, **found.metrics["effect"])
    assert (registry.champion("uplift"), Score.objects.count()) == (None, 0)
    cache.clear()
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    page = client.get("/recommendations/predictions/uplift/").content.decode()
    assert "No evidence that it differs" in page
    assert "Orders gained by mailing more customers" in page
    assert "Qini coefficient lost without it" in page
    assert "what a field is worth cannot be told from chance" in page


def test_without_a_holdout_it_says_what_is_missing() -> None:
    people(10)
    mailing(no_mail=0)
    found = train("uplift", now=NOW)
    assert (found.status, found.verdict) == (
        Status.WAITING,
        "Not enough data: no campaign of the last year held customers back and is 7 days old; give an experiment an "
        "arm without mail.",
    )


def test_few_who_were_held_back_are_not_enough() -> None:
    people(700, signed_up_at=NOW - timedelta(days=200))
    mailing(no_mail=10)
    held = Recipient.objects.filter(variant_key="no_mail").count()
    assert train("uplift", now=NOW).verdict == (
        f"Not enough data: {held} of 500 customers held back in one mailing."
    )


def test_a_mailing_whose_week_is_not_over_does_not_count() -> None:
    people(10)
    mailing(at=NOW - timedelta(days=6))
    assert "no campaign of the last year" in train("uplift", now=NOW).verdict


def test_everybody_assigned_counts_in_the_arm_that_chance_gave() -> None:
    people(40)
    campaign = mailing()
    (trial,) = mail_trials(**YEAR)
    assigned = dict(Recipient.objects.filter(campaign=campaign).values_list("customer_id", "variant_key"))
    assert dict(zip(trial.customers.tolist(), trial.is_mailed.tolist(), strict=True)) == {
        customer: key != "no_mail" for customer, key in assigned.items()
    }
    assert 0 < trial.held_back < 40


@pytest.mark.parametrize("state", ["paused", "cancelled", "unfinished"])
def test_mailings_that_did_not_wholly_go_out_are_left_out(state: str) -> None:
    people(40)
    campaign = mailing()
    if state == "unfinished":
        Message.objects.filter(pk=Message.objects.first().pk).update(state=Message.State.QUEUED)
    else:
        Dispatch.objects.filter(pk=campaign.dispatch_id).update(state=state)
    assert mail_trials(**YEAR) == []


def trial(mailed: int, held: int) -> MailTrial:
    return MailTrial(
        name="m",
        launched_at=NOW,
        customers=np.arange(mailed + held),
        is_mailed=np.arange(mailed + held) < mailed,
    )


def test_all_trials_are_brought_to_the_same_share_of_mailed_customers() -> None:
    found = evened([trial(900, 100), trial(500, 500)])
    assert [(one.mailed, one.held_back) for one in found] == [(100, 100), (500, 500)]
    assert [(one.mailed, one.held_back) for one in evened([trial(900, 100), trial(1800, 200)])] == [
        (900, 100),
        (1800, 200),
    ]


def test_too_many_rows_are_taken_from_the_larger_arm_first() -> None:
    found = evened([trial(900, 100), trial(900, 100)], most_rows=1000)
    assert [(one.mailed, one.held_back) for one in found] == [(400, 100), (400, 100)]


def test_all_rows_of_one_person_are_in_one_fold() -> None:
    people_of_rows = np.repeat(np.arange(50), 3)
    for learn, test in uplift._dealt(np.arange(150) % 2, people_of_rows, seed=1):
        assert not set(people_of_rows[learn]) & set(people_of_rows[test])
        assert len(learn) + len(test) == 150


def test_a_stored_model_says_the_same() -> None:
    rng = np.random.default_rng(1)
    table = uplift.Table({"age": rng.uniform(20, 60, 2000)})
    treated = (rng.random(2000) < 0.5).astype(np.float64)
    model = uplift.fit(table, treated, (rng.random(2000) < 0.3).astype(np.float64))
    again = uplift.UpliftModel.from_stored(*model.stored())
    assert np.array_equal(model.effect(table), again.effect(table))
