"""Whether customers are still those that were learned from: shown, and an alert while they are not."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Role, User
from customers.models import Alert, Order
from customers.quality.alerts import open_alerts
from recommendations.interactions import read_interactions
from recommendations.models import ModelVersion
from recommendations.standings import newest_drift
from recommendations.training import train
from tests.recommendations.conftest import NOW, Shop, order

pytestmark = pytest.mark.django_db
Status = ModelVersion.Status


def test_the_same_customers_lie_at_nought(shop: Shop) -> None:
    train(now=NOW, engine="item_knn")
    assert newest_drift() is None
    train(now=NOW, engine="item_knn")
    found = newest_drift()
    assert found is not None
    assert found.against == "item_knn v1"
    assert [(label, index, is_far) for label, index, is_far in found.rows] == [
        ("Purchases of a customer in 90 days", 0.0, False),
        ("Carts and looks of a customer in 90 days", 0.0, False),
        ("Days since a customer did anything", 0.0, False),
        ("Different products of a customer", 0.0, False),
        ("What was bought in 28 days", 0.0, False),
        ("Scores", 0.0, False),
    ]


def test_customers_who_changed_are_shown_and_alerted_until_a_model_knows_them(
    shop: Shop, client: Client
) -> None:
    train(now=NOW, engine="item_knn")
    later = NOW + timedelta(days=60)
    for customer in shop.customers:
        order(customer, shop.products[0], later - timedelta(days=40))
    rejected = train(now=later, engine="item_knn")
    assert rejected.status == Status.REJECTED
    found = newest_drift()
    assert found is not None
    assert ("Days since a customer did anything", True) in [(row[0], row[2]) for row in found.rows]
    alert = open_alerts().get()
    assert (alert.key, alert.severity) == ("drift:recommender", Alert.Severity.WARNING)
    assert "Days since a customer did anything" in alert.body
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    page = client.get("/recommendations/").content.decode()
    assert "Are customers still the same?" in page
    assert "changed</span>" in page
    Order.objects.filter(placed_at__gt=NOW).delete()
    assert train(now=NOW, engine="item_knn").status == Status.CHAMPION
    assert not open_alerts().exists()


def test_an_empty_shop_has_no_drift(small_shop: Shop) -> None:
    assert len(read_interactions(now=NOW)) == 0
    assert train(now=NOW, engine="item_knn").metrics["profiles"]["purchases"]["edges"] == []
