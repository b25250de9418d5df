"""What an experiment's page promises is what the analysis does."""

import pytest
from django.test import Client

from accounts.models import User
from experiments.models import Experiment
from tests.campaigns.making import launched, people

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com"))
    return client


def test_the_promise_of_no_false_finding_names_its_family_and_its_level(page: Client) -> None:
    people(20)
    campaign, _ = launched()
    Experiment.objects.update(alpha=0.1)
    html = page.get(f"/experiments/{campaign.key}/").content.decode()
    assert "Within one holdout and metric, Holm's procedure keeps the chance" in html
    assert "10.0 % at most" in html.replace("\u202f", " ").replace("\xa0", " ")


def test_a_campaign_to_nobody_says_that_there_is_nothing_to_compare(page: Client) -> None:
    people(1)
    campaign, _ = launched()
    html = page.get(f"/experiments/{campaign.key}/").content.decode()
    assert "at least two customers in each" in html
