"""What a mail can do without may break: its stored default is sent, and counted."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection

from campaigns.content import content_for, products_for
from campaigns.dependencies import DependencyFailed, dependency
from campaigns.models import Recipient
from campaigns.publishing import save_block
from campaigns.sending import send_due
from common.clock import now
from customers.models import CustomerFacts, Score
from delivery.mailbox import read_mail
from delivery.models import MailboxMessage, Message
from products.models import Category, Promotion
from recommendations.models import ModelVersion, PopularProducts, Recommendation
from tests.campaigns.making import bestsellers, launched, people, rules

pytestmark = pytest.mark.django_db
SHELF = (
    "{% recommendations k: 1 %}<mj-text>[{{ product.name }}]</mj-text>"
    "{% else %}<mj-text>[Come and see]</mj-text>{% endrecommendations %}"
)
SLOT = '{% slot "hero" %}<mj-text>[Nothing special]</mj-text>{% endslot %}'
AT_RISK = {"score": "churn", "op": "gte", "value": 0.5}


@contextmanager
def without(*models: type) -> Iterator[None]:
    """Take tables away from everybody, really."""
    tables = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{table}_gone"')
        yield
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}_gone" RENAME TO "{table}"')


def sent_without(*models: type, body: str, strategy: str = "for_you") -> tuple[str, Message]:
    """Send the personalised arm to the only customer while tables are missing; the HTML, and what is kept of it."""
    _, counted = launched(body=body, strategy=strategy)
    Message.objects.update(variant_key="b")
    Recipient.objects.update(variant_key="b")
    with without(*models):
        send_due(counted.dispatch_id)
    message = Message.objects.get()
    assert message.state == "sent", message.reason
    return read_mail(bytes(MailboxMessage.objects.get().raw)).html, message


def recommend_last() -> None:
    """A model that recommends the second of two bestsellers to the only customer."""
    [_, last] = bestsellers(2)
    [customer] = people(1)
    version = ModelVersion.objects.create(engine="blend", number=1, status="champion", started_at=now())
    Recommendation.objects.create(
        customer=customer, model_version=version, product_ids=[last.pk], scores=[1.0], computed_at=now()
    )


def test_without_the_models_answers_a_shelf_shows_bestsellers() -> None:
    recommend_last()
    html, message = sent_without(Recommendation, body=SHELF)
    assert "[Product 0]" in html
    assert (message.resolved["fallbacks"], message.fallbacks) == ({"failed:recommender": 1}, 1)


def test_without_bestsellers_too_a_shelf_shows_the_words_that_the_template_has_for_that() -> None:
    recommend_last()
    html, message = sent_without(Recommendation, PopularProducts, body=SHELF)
    assert "[Come and see]" in html
    assert message.resolved["fallbacks"] == {"recommendations": 1, "failed:recommender": 1}


def test_a_rule_that_cannot_be_judged_leaves_what_the_rule_set_says_otherwise() -> None:
    save_block(key="rest", name="Rest", mjml="<mj-text>[For everybody]</mj-text>")
    rules({"name": "early", "when": AT_RISK, "then": {"show": "rest"}}, otherwise={"show": "rest"})
    people(1)
    html, message = sent_without(Score, body=SLOT)
    assert "[For everybody]" in html
    assert message.resolved["fallbacks"] == {"failed:rules": 1}


def test_nobody_is_mailed_while_a_rule_that_forbids_mails_cannot_be_judged() -> None:
    rules({"name": "never", "when": AT_RISK, "then": {"suppress": True}}, otherwise={})
    people(1)
    _, counted = launched(body=SLOT)
    Message.objects.update(variant_key="b")
    Recipient.objects.update(variant_key="b")
    with without(Score):
        send_due(counted.dispatch_id)
    message = Message.objects.get()
    assert (message.state, message.attempts) == ("queued", 1)
    assert message.reason == "DependencyFailed: rules"
    assert not MailboxMessage.objects.exists()


def test_without_facts_conditions_on_them_do_not_hold() -> None:
    [camper] = people(1)
    tents = Category.objects.create(name="Tents", path="outdoor/camping/tents")
    CustomerFacts.objects.create(customer=camper, last_purchase_category_id=tents.pk)
    body = "{% if last_purchase_category == 'outdoor' %}<mj-text>[Hills]</mj-text>{% endif %}"
    html, message = sent_without(CustomerFacts, body=body)
    assert "[Hills]" not in html
    assert message.resolved["fallbacks"] == {"failed:facts": 1}


def test_without_promotions_the_mail_names_none() -> None:
    people(1)
    Promotion.objects.create(key="boots", name="Boots", headline="Boots!", starts_at=now())
    html, message = sent_without(
        Promotion, body='<mj-text>[{{ promotion.headline | default: "News" }}]</mj-text>'
    )
    assert "[News]" in html
    assert message.resolved["fallbacks"] == {"promotion.headline": 1, "failed:promotions": 1}


def test_content_for_other_systems_falls_back_too() -> None:
    save_block(key="rest", name="Rest", mjml="<mj-text>[For everybody]</mj-text>")
    rules({"name": "early", "when": AT_RISK, "then": {"show": "rest"}}, otherwise={"show": "rest"})
    recommend_last()
    customer = Recommendation.objects.get().customer
    with without(Recommendation, Score):
        content = content_for("hero", customer)
        served = products_for(customer, k=1)
    assert content is not None
    assert (content["is_fallback"], "[For everybody]" in content["html"]) == (True, True)
    assert [one.name for one in served.products] == ["Product 0"]


def test_a_query_that_takes_too_long_is_a_failed_dependency() -> None:
    with pytest.raises(DependencyFailed), dependency("slow"), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 5")
        cursor.execute("SELECT pg_sleep(20)")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_went_away_is_none() -> None:
    with pytest.raises(OperationalError), dependency("the recommender"), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
