"""What a campaign reads is known to data health, and bad data asks before a launch."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Role, User
from campaigns.field_uses import fields_of, tell_uses
from campaigns.launching import DataDoubted, launch
from campaigns.models import Campaign, Recipient
from common.clock import now
from customers.models import DataSource, FieldUse, SyncRun
from delivery.models import Message
from segments.models import Segment
from tests.campaigns.making import draft, launched, people, rules

pytestmark = pytest.mark.django_db
BODY = """<mj-text>{{ customer.first_name | default: "you" }} {{ last_viewed_product.name | default: "" }}
{{ customer.attributes.club | default: "" }} {{ shoe_size | default: "" }} <a href="https://shop.example/">x</a></mj-text>"""
MAPPING = {"customer": {"id": "{id}", "country": "{land}"}, "kinds": [{"event": "product_viewed"}]}
QUESTION = "shop: The last run failed: 503"


def source(status: str = "failed", **values: object) -> None:
    DataSource.objects.create(name="shop", mapping=MAPPING)
    SyncRun.objects.create(source="shop", status=status, started_at=now(), error="503", **values)


def test_a_campaign_reads_the_fields_of_templates_segment_and_live_rules() -> None:
    rules(
        {"name": "r", "when": {"event": "order_placed"}, "then": {"set": {"a": "b"}}},
        otherwise={"set": {"a": "c"}},
        slot="subject",
    )
    campaign = draft(body=BODY)
    Segment.objects.filter(key="british").update(
        condition={
            "all": [
                {"attribute": "attributes.tier", "value": "gold"},
                {"fact": "orders_count", "op": "gt", "value": 1},
            ]
        }
    )
    campaign.refresh_from_db()
    assert fields_of(Campaign.objects.get()) == {
        "first_name",
        "last_viewed_product_id",
        "attributes.club",
        "attributes.shoe_size",
        "attributes.tier",
        "orders_count",
        "event.order_placed",
    }


def test_uses_are_told_for_drafts_and_while_there_is_mail_to_send() -> None:
    people(2)
    draft("Draft", body=BODY)
    launched("Spring")
    tell_uses()
    labels = FieldUse.objects.filter(field="country").order_by("label").values_list("label", flat=True)
    assert list(labels) == ["Draft", "Spring"]
    Message.objects.update(state="sent")
    tell_uses()
    assert list(labels.all()) == ["Draft"]


def test_bad_data_that_a_campaign_reads_has_to_be_confirmed() -> None:
    people(2)
    source()
    campaign = draft()
    with pytest.raises(DataDoubted) as doubted:
        launch(campaign.pk)
    assert doubted.value.reasons == [QUESTION]
    assert not Recipient.objects.exists()
    launch(campaign.pk, by=User.objects.create_user("ann@example.com"), despite_data_health=True)
    campaign.refresh_from_db()
    assert campaign.data_doubts == [{"sentence": QUESTION, "confirmed_by": "ann@example.com"}]


def test_bad_data_that_a_campaign_does_not_read_stands_in_nobodys_way() -> None:
    people(2)
    source()
    DataSource.objects.update(mapping={"customer": {"city": "{city}"}})
    assert launch(draft().pk).audience == 2


def test_data_that_is_only_worth_a_look_is_shown_and_asks_nothing(client: Client) -> None:
    people(2)
    found = [{"level": "warn", "about": "columns", "sentence": "Column note disappeared."}]
    source("succeeded", rows_in=1, inserted=1, findings=found)
    campaign = draft()
    client.force_login(User.objects.create_user("ann@example.com", role=Role.MARKETER))
    html = client.get(f"/campaigns/{campaign.key}/").content.decode()
    assert "shop: Column note disappeared." in html
    assert launch(campaign.pk).audience == 2


def test_the_page_asks_and_keeps_the_answer(client: Client) -> None:
    people(2)
    source()
    campaign = draft()
    client.force_login(User.objects.create_user("ann@example.com", role=Role.MARKETER))
    url = f"/campaigns/{campaign.key}/"
    assert "I know, and want to launch anyway." in client.get(url).content.decode()
    refused = client.post(f"{url}launch/", follow=True)
    assert (f"{QUESTION}</div>" in refused.content.decode(), Recipient.objects.count()) == (True, 0)
    launched_page = client.post(f"{url}launch/", {"despite_data_health": "yes"}, follow=True)
    assert "Confirmed by ann@example.com." in launched_page.content.decode()
    assert Recipient.objects.count() == 2


def test_the_command_asks_for_a_flag(capsys) -> None:
    people(2)
    source()
    campaign = draft()
    with pytest.raises(CommandError, match="--despite-data-health"):
        call_command("launch_campaign", campaign.key, no_ring=True)
    call_command("launch_campaign", campaign.key, no_ring=True, despite_data_health=True, json=True)
    assert json.loads(capsys.readouterr().out)["audience"] == 2
