"""What a mail of a campaign says, and what it costs to write."""

import math
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from hashlib import sha256

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import composing
from campaigns.composing import compose
from campaigns.launching import Launched
from campaigns.models import Campaign, Recipient
from campaigns.publishing import save_block
from campaigns.sending import send_due
from common import tokens
from common.clock import now
from customers.models import Customer, CustomerFacts
from delivery import outbox, outcomes, tracking
from delivery.backends.local import LocalBackend
from delivery.models import MailboxMessage, Message
from delivery.tasks import release_expired_messages
from products.models import Category, Product
from recommendations.models import ModelVersion, PopularProducts, Recommendation
from recommendations.strategies import STRATEGIES
from rules.versions import publish_document
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
    _, counted = launched(body=SLOT)
    Message.objects.update(variant_key="b")
    Recipient.objects.update(variant_key="b")
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
        {
            "id": product.pk,
            "price_minor": product.price_minor,
            "currency": "EUR",
            "strategy": campaign.variants.get(variant__key=kept.variant_key).strategy,
            "source": "popular",
        }
        for product in (first, second)
    ]
    assert first.name in html
    assert "https://shop.example/p0" in kept.links


def test_a_draft_shows_what_rules_say_now_and_a_launched_campaign_what_they_said_then() -> None:
    save_block(key="then", name="Then", mjml="<mj-text>As it was</mj-text>")
    save_block(key="now", name="Now", mjml="<mj-text>As it is</mj-text>")
    frozen = rules(otherwise={"show": "then"})
    people(20)
    campaign, counted = launched(body=SLOT, baseline=SLOT)
    publish_document(frozen.rule_set, {"rules": [], "otherwise": {"show": "now"}})
    mails, arm = sent(counted), arms(campaign)
    shown = [html for customer, html in mails.items() if arm[customer] == "b"]
    assert shown
    assert all("As it was" in html for html in shown)


def all_in_b(counted: Launched) -> dict[int, str]:
    """Send the campaign as if everybody were in the treatment arm; the HTML that each customer got."""
    Message.objects.update(variant_key="b")
    Recipient.objects.update(variant_key="b")
    return sent(counted)


def test_rules_about_a_slot_that_the_mail_does_not_have_have_no_say() -> None:
    products = bestsellers(3)
    people(2)
    everybody = {"name": "all", "when": {"attribute": "country", "value": "GB"}, "then": {"suppress": True}}
    popup = rules(everybody, otherwise={"show": "x"}, slot="popup")
    banner = rules(otherwise={"recommend": {"products": [products[2].external_id]}}, slot="web-banner")
    campaign, counted = launched(body=SHELF + SLOT, strategy="bestsellers")
    mails = all_in_b(counted)
    assert len(mails) == 2
    assert all("Product 0" in html and "Product 2" not in html for html in mails.values())
    assert not campaign.rule_set_versions.filter(pk__in=[popup.pk, banner.pk]).exists()


@pytest.mark.parametrize("slot", ["products", "subject"])
def test_rules_may_decide_about_a_mails_products_and_subject_without_a_slot_of_that_name(slot: str) -> None:
    products = bestsellers(3)
    people(1)
    rules(otherwise={"recommend": {"products": [products[2].external_id]}}, slot=slot)
    [html] = all_in_b(launched(body=SHELF)[1]).values()
    assert "Product 2" in html


def test_the_rule_set_whose_key_comes_first_wins_however_often_another_was_saved() -> None:
    products = bestsellers(3)
    people(1)
    late = rules(otherwise={"recommend": {"products": [products[1].external_id]}}, slot="subject")
    publish_document(late.rule_set, {"rules": [], "otherwise": {"recommend": {"products": ["p1", "p0"]}}})
    rules(otherwise={"recommend": {"products": [products[2].external_id]}}, slot="products")
    [html] = all_in_b(launched(body=SHELF)[1]).values()
    assert "Product 2" in html


def test_what_a_customer_did_decides_nothing_where_they_object_to_profiling() -> None:
    save_block(key="uk", name="UK", mjml="<mj-text>Rule, Britannia</mj-text>")
    fits = {"name": "all", "when": {"attribute": "country", "value": "GB"}, "then": {"show": "uk"}}
    rules(fits, otherwise={})
    tents = Category.objects.create(name="Tents", path="outdoor/camping/tents")
    [objects] = people(1, allows_profiling=False)
    [agrees] = people(1)
    for one in (objects, agrees):
        CustomerFacts.objects.create(customer=one, last_purchase_category_id=tents.pk)
    mails = all_in_b(launched(body=SLOT + CONDITIONAL)[1])
    assert "Rule, Britannia" in mails[agrees.pk]
    assert "For the hills" in mails[agrees.pk]
    assert "Nothing special" in mails[objects.pk]
    assert "For the hills" not in mails[objects.pk]


def test_a_block_is_sent_and_recorded_as_it_was_at_the_launch() -> None:
    then = save_block(key="uk", name="UK", mjml="<mj-text>As it was</mj-text>")
    rules(otherwise={"show": "uk"})
    people(1)
    _, counted = launched(body=SLOT)
    save_block(key="uk", name="UK", mjml="<mj-text>As it is</mj-text>")
    [html] = all_in_b(counted).values()
    assert "As it was" in html
    assert Message.objects.get().resolved["slots"] == {"hero": then.pk}


def test_a_chunk_that_takes_too_long_is_finished_in_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    people(3)
    campaign, counted = launched()
    monkeypatch.setattr(composing, "TIME_TO_COMPOSE", timedelta(0))
    claimed = outbox.claim(counted.dispatch_id, limit=3)
    assert [one.claimed for one in compose(campaign.dispatch, claimed)] == claimed[:1]
    outcomes.return_unsent(claimed, delay=timedelta(0), reason="")
    assert send_due(counted.dispatch_id) == 3
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_a_mail_handed_over_by_a_worker_that_died_is_the_one_that_is_recorded() -> None:
    products = bestsellers(4)
    people(1)
    campaign, counted = launched(body=SHELF, baseline=SHELF, strategy="bestsellers")
    composed = compose(campaign.dispatch, outbox.claim(counted.dispatch_id, limit=1))
    [mail] = [one.mail for one in composed]
    outbox.keep([(one, one.mail) for one in composed])
    LocalBackend().send([mail], deadline=math.inf)
    assert click(0) == "https://shop.example/p0"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_message SET lease_until = lease_until - interval '1 hour'")
    release_expired_messages()
    Product.objects.filter(pk=products[0].pk).update(is_available=False)
    send_due(counted.dispatch_id)
    message, kept = Message.objects.get(), MailboxMessage.objects.get()
    assert (message.state, message.attempts, message.deaths) == ("sent", 1, 1)
    assert message.content_sha256 == sha256(bytes(kept.raw)).hexdigest()
    shown = re.findall(r"/t/c/[^/]+/(\d+)[^>]*>(Product \d)<", html_of(kept))
    assert [(name, click(int(index))) for index, name in shown] == [
        ("Product 0", "https://shop.example/p0"),
        ("Product 1", "https://shop.example/p1"),
    ]


def click(index: int) -> str:
    """Where a link of the only message leads."""
    token = tokens.sign(tracking.PURPOSE_CLICK, Message.objects.get().pk)
    return Client().get(reverse("delivery:clicked", args=[token, index]))["Location"]


def shelf(strategy: str, k: int = 2) -> str:
    """A shelf whose strategy the template names."""
    return (
        f'{{% recommendations k: {k}, strategy: "{strategy}" %}}<mj-text>[{strategy} {{{{ product.name }}}}]'
        "</mj-text>{% endrecommendations %}"
    )


def shown(html: str) -> list[str]:
    """What stands on the shelves, as `strategy product`."""
    return re.findall(r"\[(\w+ Product \d)\]", html)


def test_shelves_of_a_mail_keep_their_own_strategies_and_share_no_product() -> None:
    products = bestsellers(4)
    [customer] = people(1)
    PopularProducts.objects.create(
        kind="trending", country="", product_ids=[products[0].pk], scores=[3.0], computed_at=now()
    )
    [html] = all_in_b(launched(body=shelf("trending", 1) + shelf("bestsellers"))[1]).values()
    assert shown(html) == ["trending Product 0", "bestsellers Product 1", "bestsellers Product 2"]
    kept = Message.objects.get(customer=customer).resolved["recommendations"]
    assert [(one["strategy"], one["source"]) for one in kept] == [
        ("trending", "trending"),
        ("bestsellers", "popular"),
        ("bestsellers", "popular"),
    ]


def test_what_rules_exclude_stands_on_no_shelf_and_what_they_recommend_on_the_open_one() -> None:
    products = bestsellers(5)
    people(1)
    rules(
        otherwise={
            "recommend": {"products": [products[4].external_id]},
            "exclude": {"products": [products[0].external_id]},
        },
        slot="products",
    )
    body = shelf("bestsellers", 2) + "{% recommendations k: 1 %}<mj-text>[open {{ product.name }}]</mj-text>"
    [html] = all_in_b(launched(body=body + "{% endrecommendations %}")[1]).values()
    assert shown(html) == ["bestsellers Product 1", "bestsellers Product 2", "open Product 4"]


def test_an_arm_without_personalisation_is_shown_bestsellers_whatever_the_template_says() -> None:
    """Else the baseline would be personalised by its template, and the comparison worth nothing."""
    [first, last] = bestsellers(2)
    [customer] = people(1)
    version = ModelVersion.objects.create(engine="blend", number=1, status="champion", started_at=now())
    Recommendation.objects.create(
        customer=customer, model_version=version, product_ids=[last.pk], scores=[1.0], computed_at=now()
    )
    counted = launched(body=shelf("for_you", 1), baseline=shelf("for_you", 1))[1]
    Message.objects.update(variant_key="a")
    Recipient.objects.update(variant_key="a")
    [html] = sent(counted).values()
    assert shown(html) == [f"for_you {first.name}"]


def test_a_rule_restricts_prices_and_how_many_of_a_category() -> None:
    products = bestsellers(4)
    people(1)
    tents = Category.objects.create(name="Tents", path="tents")
    Product.objects.filter(pk__in=[one.pk for one in products[1:3]]).update(category=tents)
    wish = {"strategy": "bestsellers", "price_from": 1_001, "most_per_category": 1}
    rules(otherwise={"recommend": wish}, slot="products")
    [html] = all_in_b(launched(body=SHELF)[1]).values()
    assert [name in html for name in ("Product 0", "Product 1", "Product 2", "Product 3")] == [
        False,
        True,
        False,
        True,
    ]


def test_two_shelves_of_one_strategy_go_on_one_after_the_other_in_both_parts() -> None:
    bestsellers(4)
    people(1)
    _, counted = launched(body=shelf("bestsellers", 1) + shelf("bestsellers", 2))
    [html] = all_in_b(counted).values()
    assert shown(html) == [f"bestsellers Product {n}" for n in range(3)]
    mail = message_from_bytes(bytes(MailboxMessage.objects.get().raw), policy=default)
    assert shown(mail.get_body(("plain",)).get_content()) == [f"bestsellers Product {n}" for n in range(3)]


def test_a_shelf_inside_a_block_is_what_it_says() -> None:
    products = bestsellers(3)
    people(1)
    PopularProducts.objects.create(
        kind="trending", country="", product_ids=[products[2].pk], scores=[3.0], computed_at=now()
    )
    save_block(key="hot", name="Hot", mjml=shelf("trending", 1))
    rules(otherwise={"show": "hot"})
    [html] = all_in_b(launched(body=SLOT + shelf("bestsellers", 1))[1]).values()
    assert shown(html) == ["trending Product 2", "bestsellers Product 0"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_objects_to_profiling_sees_full_shelves_of_what_all_see(strategy: str) -> None:
    bestsellers(2)
    people(1, allows_profiling=False)
    body = shelf(strategy, 1) + "{% recommendations k: 1 %}<mj-text>[open {{ product.name }}]</mj-text>"
    [html] = all_in_b(launched(body=body + "{% endrecommendations %}", strategy=strategy)[1]).values()
    assert sorted(one.split(" ", 1)[1] for one in shown(html)) == ["Product 0", "Product 1"]


def test_a_baseline_arm_is_shown_nothing_personal_however_it_was_set_up() -> None:
    [first, last] = bestsellers(2)
    [customer] = people(1)
    version = ModelVersion.objects.create(engine="blend", number=1, status="champion", started_at=now())
    Recommendation.objects.create(
        customer=customer, model_version=version, product_ids=[last.pk], scores=[1.0], computed_at=now()
    )
    campaign, counted = launched(body=SHELF, baseline=SHELF)
    campaign.variants.update(strategy="for_you")
    Message.objects.update(variant_key="a")
    Recipient.objects.update(variant_key="a")
    [html] = sent(counted).values()
    assert html.index(first.name) < html.index(last.name)
