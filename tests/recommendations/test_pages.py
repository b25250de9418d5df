"""The recommender's pages: what is in use, training, and why a customer is shown what he is."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from common.clock import now
from config.celery import app
from recommendations import progress
from recommendations.models import ModelVersion, PopularProducts, Recommendation
from rules.models import RuleSet
from rules.versions import publish_document
from tests.recommendations.conftest import NOW, Shop, order

OVERVIEW = "/recommendations/"
METRICS = {
    "k": 10,
    "test_days": 28,
    "popularity": {
        "all": {"ndcg@10": 0.1, "recall@10": 0.2, "hit_rate@10": 0.3, "coverage": 0.05, "users": 64},
    },
    "blend": {
        "all": {
            "ndcg@10": 0.15,
            "recall@10": 0.25,
            "hit_rate@10": 0.35,
            "coverage": 0.5,
            "users": 64,
            "against_popularity": {
                "ndcg": {"mean": 0.05, "low": 0.02, "high": 0.08, "confidence": 0.95, "verdict": "better"},
                "recall": {"mean": 0.05, "low": 0.01, "high": 0.09, "confidence": 0.95, "verdict": "better"},
            },
        },
    },
}


@pytest.fixture(autouse=True)
def nothing_under_way(db: None) -> None:
    cache.clear()
    with app.connection_for_write() as broker:
        broker.default_channel.client.delete("train")


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


@pytest.fixture
def editor() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("edit@example.com", role=Role.MARKETER))
    return client


def version(number: int = 1, **values: object) -> ModelVersion:
    stored = {
        "status": "champion",
        "started_at": NOW,
        "finished_at": NOW,
        "data_from": NOW,
        "data_until": NOW,
        "metrics": METRICS,
        "verdict": "It beats popularity.",
        **values,
    }
    return ModelVersion.objects.create(engine="blend", number=number, **stored)


def queries(client: Client, url: str) -> int:
    client.get(url)  # what is asked once a minute is asked now
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def waiting() -> int:
    with app.connection_for_read() as broker:
        return broker.default_channel.client.llen("train")


def test_the_overview_shows_the_verdict_and_the_interval(viewer: Client) -> None:
    version()
    html = viewer.get(OVERVIEW).content.decode()
    assert all(
        text in html for text in ("blend v1", "It beats popularity.", "0.050 (0.020 to 0.080)", "Better")
    )


def test_popularity_stands_first_as_what_is_to_beat(viewer: Client) -> None:
    version()
    (task,) = viewer.get(OVERVIEW).context["standings"].tasks
    assert [one.model for one in task.standings] == ["Popularity", "LightFM blended with item neighbours"]


def test_a_version_without_metrics_shows_without_a_table(viewer: Client) -> None:
    version(metrics={"k": 10, "test_days": 28, "test_customers": 3})
    response = viewer.get(OVERVIEW)
    assert response.context["standings"] is None
    assert "Not judged" in response.content.decode()


def test_without_a_model_the_page_says_what_is_shown_instead(viewer: Client) -> None:
    assert "Everybody is shown bestsellers" in viewer.get(OVERVIEW).content.decode()


def test_bestsellers_are_those_of_the_chosen_country(viewer: Client, small_shop: Shop) -> None:
    first, second = (product.pk for product in small_shop.products[:2])
    PopularProducts.objects.create(country="", product_ids=[first], scores=[1.0], computed_at=NOW)
    PopularProducts.objects.create(country="GB", product_ids=[second, first], scores=[2, 1], computed_at=NOW)
    assert [p.pk for p in viewer.get(OVERVIEW).context["bestsellers"].products] == [first]
    chosen = viewer.get(f"{OVERVIEW}?country=GB").context["bestsellers"]
    assert ([p.pk for p in chosen.products], chosen.countries) == ([second, first], ["GB"])


def test_the_overview_takes_as_many_queries_for_many_versions_as_for_one(viewer: Client) -> None:
    version()
    few = queries(viewer, OVERVIEW)
    for number in range(2, 12):
        version(number, status="retired")
    assert queries(viewer, OVERVIEW) == few


@pytest.mark.django_db(transaction=True)
def test_training_is_queued_once(editor: Client) -> None:
    for _ in range(2):
        assert editor.post(reverse("recommendations:train")).url == OVERVIEW
    assert waiting() == 1
    assert "Waiting for the worker that trains" in editor.get(OVERVIEW).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_viewer_may_not_train(viewer: Client) -> None:
    assert viewer.post(reverse("recommendations:train")).status_code == 403
    assert (waiting(), progress.current()) == (0, None)
    assert "Train now" not in viewer.get(OVERVIEW).content.decode()


def test_historical_data_are_learned_as_of_their_newest_order(viewer: Client, small_shop: Shop) -> None:
    newest = now() - timedelta(days=400)
    order(small_shop.customers[0], small_shop.products[0], newest)
    assert viewer.get(OVERVIEW).context["learns_until"] == newest + timedelta(seconds=1)


def test_a_living_shop_is_learned_up_to_the_present(viewer: Client, small_shop: Shop) -> None:
    order(small_shop.customers[0], small_shop.products[0], now() - timedelta(days=1))
    before = now()
    assert before <= viewer.get(OVERVIEW).context["learns_until"] <= now()


def test_a_running_training_shows_its_stage(viewer: Client) -> None:
    version(status="training", finished_at=None)
    progress.note("learn", 3, 12)
    html = viewer.get(reverse("recommendations:training")).content.decode()
    assert all(text in html for text in ("Learning", "3 of 12", 'hx-get="/recommendations/training/"'))


def test_a_training_of_the_command_line_shows_without_figures(viewer: Client) -> None:
    version(status="training", finished_at=None)
    html = viewer.get(reverse("recommendations:training")).content.decode()
    assert "started from the command line" in html
    assert "progressbar" not in html


def test_a_training_whose_worker_died_does_not_stand_in_the_way(editor: Client) -> None:
    dead = version(status="training", finished_at=None, lease_until=now() - timedelta(seconds=1))
    assert progress.current() is None
    assert "Train now" in editor.get(OVERVIEW).content.decode()
    assert dead.status == "training"


def test_one_click_takes_the_model_out_of_use(editor: Client, viewer: Client, small_shop: Shop) -> None:
    row = {"product_ids": [small_shop.products[3].pk], "scores": [0.75], "computed_at": NOW}
    Recommendation.objects.create(customer=small_shop.customers[0], model_version=version(), **row)
    url = reverse("recommendations:withdraw")
    assert viewer.post(url).status_code == 403
    assert Recommendation.objects.count() == 1
    assert editor.post(url).status_code == 302
    assert (ModelVersion.objects.get().status, Recommendation.objects.count()) == ("retired", 0)


def test_a_training_that_has_ended_loads_the_page_anew(viewer: Client) -> None:
    progress.note("score", 5, 5)
    assert viewer.get(reverse("recommendations:training"))["HX-Refresh"] == "true"


def test_the_inspector_says_where_each_product_comes_from(viewer: Client, small_shop: Shop) -> None:
    customer, product = small_shop.customers[0], small_shop.products[3]
    row = {"product_ids": [product.pk], "scores": [0.75], "computed_at": NOW}
    Recommendation.objects.create(customer=customer, model_version=version(), **row)
    response = viewer.get(reverse("recommendations:inspect", args=[customer.public_id]))
    first, second = response.context["explanation"].shown[:2]
    assert (first.product, first.reason, first.score) == (product, "Picked for this customer", 0.75)
    assert (second.reason, second.score) == ("New in the shop", None)


def test_the_inspector_lives_without_the_models_file(viewer: Client, small_shop: Shop) -> None:
    customer, product = small_shop.customers[0], small_shop.products[3]
    row = {"product_ids": [product.pk], "scores": [0.75], "computed_at": NOW}
    made = version(artefact_path="gone.npz", artefact_sha256="0" * 64)
    Recommendation.objects.create(customer=customer, model_version=made, **row)
    html = viewer.get(reverse("recommendations:inspect", args=[customer.public_id])).content.decode()
    assert "Reasons are incomplete" in html


def test_the_inspector_says_that_profiling_is_not_allowed(viewer: Client, small_shop: Shop) -> None:
    customer = small_shop.customers[0]
    customer.allows_profiling = False
    customer.save(update_fields=["allows_profiling"])
    html = viewer.get(reverse("recommendations:inspect", args=[customer.public_id])).content.decode()
    assert "does not allow profiling" in html


def test_an_unknown_strategy_shows_the_usual_one(viewer: Client, small_shop: Shop) -> None:
    url = reverse("recommendations:inspect", args=[small_shop.customers[0].public_id])
    assert viewer.get(f"{url}?strategy=magic").context["strategy"] == "for_you"


def test_looking_up_one_customer_leads_to_the_inspector(viewer: Client, small_shop: Shop) -> None:
    response = viewer.get("/recommendations/inspect/?q=c1@")
    assert response.url == reverse("recommendations:inspect", args=[small_shop.customers[1].public_id])


def test_looking_up_several_lists_them(viewer: Client, small_shop: Shop) -> None:
    found = viewer.get("/recommendations/inspect/?q=c").context["found"]
    assert [one.email for one in found] == [f"c{n}@example.com" for n in (3, 2, 1, 0)]


def test_the_inspector_says_what_a_strategy_tries_and_what_rules_leave_out(
    viewer: Client, small_shop: Shop
) -> None:
    customer, p = small_shop.customers[0], small_shop.products
    rule_set = RuleSet.objects.create(key="no-p5", name="No p5", slot="products")
    publish_document(rule_set, {"rules": [], "otherwise": {"exclude": {"products": ["p5"]}}})
    url = reverse("recommendations:inspect", args=[customer.public_id])
    explanation = viewer.get(f"{url}?strategy=trending").context["explanation"]
    assert explanation.ladder[0] == "what sells better than usual this week"
    assert [(one.product, one.version.rule_set) for one in explanation.left_out] == [(p[5], rule_set)]
    assert [one.product for one in explanation.shown] == [p[4], p[3], p[2], p[1], p[0]]
    html = viewer.get(f"{url}?strategy=trending").content.decode()
    assert "What is bought, put into carts and looked at more this week" in html
    assert f'href="{reverse("rules:detail", args=["no-p5"])}"' in html
