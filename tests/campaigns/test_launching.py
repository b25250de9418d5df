"""A launch: who is in, who is out and why, and that it happens once."""

from collections import Counter

import pytest

from campaigns.books import reconcile
from campaigns.launching import LaunchRefused, launch
from campaigns.models import Campaign, CampaignVariant, Recipient
from campaigns.sending import send_due
from customers.consent import suppress, withdraw
from customers.models import Assignment
from delivery.models import Message
from experiments.assigning import draws_of, variant_for
from experiments.models import Variant
from tests.campaigns.making import draft, ids, launched, people

pytestmark = pytest.mark.django_db


def exclusions(campaign: Campaign) -> dict[int, str]:
    """Why each of the excluded is out."""
    return dict(campaign.recipients.exclude(exclusion="").values_list("customer_id", "exclusion"))


def test_everybody_who_cannot_be_mailed_is_excluded_with_the_reason() -> None:
    people(10)
    [nowhere] = people(1, email=None)
    [never] = people(1, consenting=False)
    [withdrawn, bounced] = people(2)
    withdraw([withdrawn.pk], source="test")
    suppress(str(bounced.email), "hard_bounce")
    campaign, counted = launched()
    assert exclusions(campaign) == {
        nowhere.pk: "no address",
        never.pk: "never consented",
        withdrawn.pk: "consent withdrawn",
        bounced.pk: "suppressed: hard_bounce",
    }
    assert counted.audience == 14
    assert sum(counted.by_variant.values()) == 10
    assert set(counted.excluded.values()) == {1}


def test_somebody_outside_of_the_segment_is_not_in_the_snapshot() -> None:
    people(3)
    people(2, country="DE")
    assert launched()[1].audience == 3


def test_the_frozen_arm_is_the_one_that_the_hash_gives() -> None:
    crowd = people(200)
    campaign, _ = launched(no_mail=10)
    draws = draws_of(campaign.experiment)
    expected = {one.pk: variant_for(one.public_id, draws) for one in crowd}
    assert set(expected.values()) == {"a", "b", "no_mail"}
    assert dict(Recipient.objects.values_list("customer_id", "variant_key")) == expected
    assigned = Assignment.objects.filter(experiment_key=campaign.experiment.key)
    assert dict(assigned.values_list("customer_id", "variant_key")) == expected
    mailed = {one: key for one, key in expected.items() if key != "no_mail"}
    assert dict(Message.objects.values_list("customer_id", "variant_key")) == mailed


def test_a_second_launch_is_refused_and_changes_nothing() -> None:
    people(5)
    campaign, _ = launched()
    people(5)
    with pytest.raises(LaunchRefused, match="has been launched already"):
        launch(campaign.pk)
    assert campaign.recipients.count() == Message.objects.count() == 5


def test_weights_that_do_not_add_up_are_refused() -> None:
    people(2)
    campaign = draft()
    Variant.objects.filter(experiment=campaign.experiment, key="a").update(weight=4_999)
    with pytest.raises(LaunchRefused) as refused:
        launch(campaign.pk)
    assert refused.value.reasons == ["The weights of the arms do not add up to 100 %."]
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT
    assert not Recipient.objects.exists()


def test_an_arm_without_a_template_is_refused() -> None:
    people(2)
    campaign = draft()
    CampaignVariant.objects.get(campaign=campaign, variant__key="b").delete()
    with pytest.raises(LaunchRefused) as refused:
        launch(campaign.pk)
    assert refused.value.reasons == ["The arm “Personalised” has no template."]


def test_the_books_add_up_before_while_and_after_sending() -> None:
    crowd = people(60)
    people(3, consenting=False)
    campaign, counted = launched(no_mail=20)
    before = reconcile(campaign)
    assert before.adds_up
    assert (before.done, before.excluded, before.is_finished) == (0, 3, False)
    withdraw(ids(crowd), source="changed their minds")
    send_due(counted.dispatch_id)
    after = reconcile(campaign)
    mailed = counted.by_variant["a"] + counted.by_variant["b"]
    assert after.adds_up
    assert after.is_finished
    assert (after.messages, after.sent) == (mailed, 0)
    assert after.reasons == [("suppressed", "consent withdrawn", mailed)]
    states: Counter[str] = Counter()
    for arm in after.arms:
        states.update(arm.states)
    assert states == {"suppressed": mailed}


def test_a_launch_that_would_mail_nobody_is_refused_and_changes_nothing() -> None:
    people(3, consenting=False)
    campaign = draft()
    with pytest.raises(LaunchRefused, match="Nobody would get a mail"):
        launch(campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.dispatch) == (Campaign.State.DRAFT, None)
    assert not Recipient.objects.exists()
