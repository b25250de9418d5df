"""What a mail of a campaign says, and what it costs to write."""

from email import message_from_bytes
from email.policy import default

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.composing import compose
from campaigns.launching import Launched
from campaigns.models import Campaign
from campaigns.publishing import save_block
from campaigns.sending import send_due
from customers.models import Customer, CustomerFacts
from delivery import outbox
from delivery.models import MailboxMessage, Message
from products.models import Category
from rules.versions import publish, save_version
from tests.campaigns.making import bestsellers, launched, people, rules

pytestmark = pytest.mark.django_db
SLOT = '{% slot "hero" %}<mj-text>Nothing special</mj-text>{% endslot %}'
SHELF = (
    '{% recommendations k: 2 %}<mj-text><a href="{{ product.url }}">{{ product.name }}</a></mj-text>'
    "{% endrecommendations %}"
)
CONDITIONAL = "{% if last_purchase_category == 'outdoor' %}<mj-text>For the hills</mj-text>{% endif %}"


def sent(counted: Launched) -> dict[int, str]:
    """Send a campaign; the HTML that each customer got."""
    send_due(counted.dispatch_id)
    keys = dict(Message.objects.filter(state="sent").values_list("provider_id", "customer_id"))
    return {keys[mail.key]: html_of(mail) for mail in MailboxMessage.objects.all()}


def html_of(mail: MailboxMessage) -> str:
    """The HTML part."""
    body = message_from_bytes(bytes(mail.raw), policy=default).get_body(("html",))
    return str(body.get_content())


def arms(campaign: Campaign) -> dict[int, str]:
    """The arm of each customer."""
    return dict(campaign.recipients.values_list("customer_id", "variant_key"))


def test_writing_takes_as_many_queries_for_fifty_as_for_one() -> None:
    save_block(key="uk", name="UK", mjml="<mj-text>Rule, Britannia</mj-text>")
    rules(
        {"name": "GB", "when": {"attribute": "country", "value": "GB"}, "then": {"show": "uk"}},
        otherwise={"show": "uk"},
    )
    bestsellers(3)
    people(60)
    campaign, counted = launched(body=SLOT + SHELF, baseline=SLOT + SHELF)
    dispatch = campaign.dispatch
    claimed = outbox.claim(counted.dispatch_id, limit=60)
    in_b = [one for one in claimed if one.variant_key == "b"][:1]
    in_a = [one for one in claimed if one.variant_key == "a"]
    compose(dispatch, claimed[:2])
    with CaptureQueriesContext(connection) as few:
        one = compose(dispatch, [in_a[0], *in_b])
    with CaptureQueriesContext(connection) as many:
        fifty = compose(dispatch, claimed[:50])
    assert (len(one), len(fifty)) == (2, 50)
    assert all(composed.mail for composed in fifty)
    assert len(many) == len(few)


def test_a_rule_that_suppresses_skips_the_message_with_the_reason() -> None:
    [stays, goes] = people(2)
    Customer.objects.filter(pk=goes.pk).update(city="Oslo")
    rules(
        {"name": "Oslo", "when": {"attribute": "city", "value": "Oslo"}, "then": {"suppress": True}},
        otherwise={"set": {"headline": "New"}},
    )
    _, counted = launched()
    Message.objects.update(variant_key="b")
    send_due(counted.dispatch_id)
    found = {m.customer_id: (m.state, m.reason) for m in Message.objects.all()}
    assert found == {stays.pk: ("sent", ""), goes.pk: ("skipped", "a rule suppressed it")}
    assert MailboxMessage.objects.get().recipient == stays.email


def test_a_fact_is_known_to_the_template_by_its_bare_name() -> None:
    [camper, other] = people(2)
    tents = Category.objects.create(name="Tents", path="outdoor/camping/tents")
    CustomerFacts.objects.create(customer=camper, last_purchase_category_id=tents.pk)
    _, counted = launched(body=CONDITIONAL, baseline=CONDITIONAL)
    mails = sent(counted)
    assert "For the hills" in mails[camper.pk]
    assert "For the hills" not in mails[other.pk]


def test_rules_choose_what_the_treatment_shows_and_leave_the_baseline_alone() -> None:
    save_block(key="uk", name="UK", mjml="<mj-text>Made for rain {{ headline }}</mj-text>")
    rules(
        {
            "name": "GB",
            "when": {"attribute": "country", "value": "GB"},
            "then": {"show": "uk", "set": {"headline": "and wind"}},
        },
        otherwise={},
    )
    people(40)
    campaign, counted = launched(body=SLOT, baseline=SLOT)
    mails, arm = sent(counted), arms(campaign)
    assert len(mails) == 40
    for customer, html in mails.items():
        assert ("Made for rain and wind" in html) is (arm[customer] == "b")
        assert ("Nothing special" in html) is (arm[customer] == "a")


def test_the_versions_and_the_products_of_each_mail_are_kept() -> None:
    [first, second, _] = bestsellers(3)
    people(1)
    campaign, counted = launched(body=SHELF, baseline=SHELF)
    [html] = sent(counted).values()
    kept = Message.objects.get()
    contents = {
        one.variant.key: one.template_version_id for one in campaign.variants.select_related("variant")
    }
    assert kept.resolved["template_version"] == contents[kept.variant_key]
    assert kept.resolved["recommendations"] == [
        {"id": first.pk, "price_minor": 1_000, "currency": "EUR"},
        {"id": second.pk, "price_minor": 1_001, "currency": "EUR"},
    ]
    assert first.name in html
    assert "https://shop.example/p0" in kept.links


def test_a_draft_shows_what_rules_say_now_and_a_launched_campaign_what_they_said_then() -> None:
    save_block(key="then", name="Then", mjml="<mj-text>As it was</mj-text>")
    save_block(key="now", name="Now", mjml="<mj-text>As it is</mj-text>")
    frozen = rules(otherwise={"show": "then"})
    people(20)
    campaign, counted = launched(body=SLOT, baseline=SLOT)
    publish(save_version(frozen.rule_set, {"rules": [], "otherwise": {"show": "now"}}))
    mails, arm = sent(counted), arms(campaign)
    shown = [html for customer, html in mails.items() if arm[customer] == "b"]
    assert shown
    assert all("As it was" in html for html in shown)
