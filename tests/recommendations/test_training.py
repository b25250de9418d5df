import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.db.models.functions import Now

from customers.models import Customer, Order
from recommendations import leases, registry
from recommendations.engines import artefacts
from recommendations.explaining import explain
from recommendations.interactions import read_interactions
from recommendations.models import ModelVersion, PopularProducts, Recommendation
from recommendations.recipes import ENGINES, build_engine
from recommendations.serving import recommend
from recommendations.tasks import train_recommender
from recommendations.training import holdout, train
from tests.recommendations.conftest import NOW, Shop, order, refund

pytestmark = pytest.mark.django_db
Status = ModelVersion.Status


def test_a_training_puts_a_model_into_use_that_beats_popularity(shop: Shop, models_dir: Path) -> None:
    version = train(now=NOW)
    assert version.status == Status.CHAMPION
    assert version.metrics["lightfm"]["all"]["against_popularity"]["ndcg"]["verdict"] == "better"
    assert version.verdict.startswith(
        "LightFM blended with item neighbours beats popularity on all purchases: NDCG@10 0."
    )
    assert version.data_until == NOW
    arrays, metadata = artefacts.load(models_dir / version.artefact_path, sha256=version.artefact_sha256)
    assert metadata["parameters"]["engines"]["lightfm"]["seed"] == 1
    assert "lightfm.item_vectors" in arrays


def test_each_customer_is_served_his_taste(shop: Shop) -> None:
    version = train(now=NOW, engine="lightfm")
    camper, climber = shop.customers[:2]
    served = recommend([camper.pk, climber.pk], k=6)
    assert {p.category.path for p in served[camper.pk].products if p.category} == {"camping"}
    assert {p.category.path for p in served[climber.pk].products if p.category} == {"climbing"}
    assert (served[camper.pk].source, served[camper.pk].model_version) == ("model", version)


def test_a_ranker_is_judged_stored_as_text_and_put_into_use(shop: Shop, models_dir: Path) -> None:
    version = train(now=NOW, engine="two_stage")
    assert version.status == Status.CHAMPION
    assert version.metrics["two_stage"]["all"]["against_popularity"]["ndcg"]["verdict"] == "better"
    arrays, _ = artefacts.load(models_dir / version.artefact_path, sha256=version.artefact_sha256)
    assert arrays["trees"].tobytes().startswith(b"tree")
    assert Recommendation.objects.count() == 120


def test_who_objects_to_profiling_loses_the_stored_row(shop: Shop) -> None:
    train(now=NOW, engine="item_knn")
    objector = shop.customers[0]
    Customer.objects.filter(pk=objector.pk).update(allows_profiling=False)
    train(now=NOW, engine="item_knn")
    assert not Recommendation.objects.filter(customer=objector).exists()
    assert Recommendation.objects.count() == 119


def test_the_next_training_retires_the_one_before(shop: Shop) -> None:
    first, second = (train(now=NOW, engine="item_knn") for _ in range(2))
    first.refresh_from_db()
    assert (first.status, second.status, second.number) == (Status.RETIRED, Status.CHAMPION, 2)
    assert set(Recommendation.objects.values_list("model_version", flat=True)) == {second.pk}


def test_another_recipe_is_compared_with_the_one_in_use(shop: Shop) -> None:
    train(now=NOW, engine="item_knn")
    version = train(now=NOW, engine="lightfm")
    against = version.metrics["against_champion"]
    assert (against["rival"], against["measure"]) == ("item_knn v1", "NDCG@10")
    assert (
        f"Against item_knn v1 on the same {against['customers']} customers its NDCG@10 is " in version.verdict
    )
    assert version.status == (Status.CHAMPION if against["is_passed"] else Status.REJECTED)


def test_every_engine_is_built_again_from_what_is_stored_of_it() -> None:
    for name in ENGINES:
        stored = json.loads(json.dumps(build_engine(name).parameters()))
        assert build_engine(name, stored).parameters() == stored


def test_a_champion_of_a_forgotten_recipe_does_not_stop_training(shop: Shop) -> None:
    old = train(now=NOW, engine="item_knn")
    ModelVersion.objects.filter(pk=old.pk).update(parameters={"a_setting_of_the_past": 1})
    assert train(now=NOW, engine="item_knn").status == Status.CHAMPION


def test_too_few_customers_mean_no_verdict_and_no_model(small_shop: Shop) -> None:
    version = train(now=NOW)
    assert version.status == Status.REJECTED
    assert version.verdict.startswith("Only 0 customers with a past bought in the last 28 days")
    assert not Recommendation.objects.exists()


def test_a_rejected_training_leaves_the_champion_in_use(shop: Shop) -> None:
    champion = train(now=NOW, engine="item_knn")
    for placed in Order.objects.filter(placed_at__gte=NOW - timedelta(days=28)):
        refund(placed, NOW - timedelta(hours=1))
    assert train(now=NOW, engine="lightfm").status == Status.REJECTED
    assert registry.champion() == champion
    assert Recommendation.objects.filter(model_version=champion).count() == 120


def test_a_second_training_at_the_same_time_is_refused(small_shop: Shop) -> None:
    leases.begin(ModelVersion(engine="lightfm"))
    with pytest.raises(leases.TrainingBusyError):
        train(now=NOW)
    assert ModelVersion.objects.count() == 1


def test_a_training_whose_worker_died_gives_way(small_shop: Shop) -> None:
    dead = leases.begin(ModelVersion(engine="lightfm"))
    ModelVersion.objects.filter(pk=dead.pk).update(lease_until=Now() - timedelta(seconds=1))
    train(now=NOW)
    dead.refresh_from_db()
    assert (dead.status, dead.verdict) == (Status.FAILED, "The lease ran out: its worker died.")


def test_a_dead_trainings_place_is_free_after_three_minutes(small_shop: Shop) -> None:
    leases.begin(ModelVersion(engine="lightfm"))
    held = ModelVersion.objects.filter(lease_until__lte=Now() + timedelta(minutes=3))
    assert held.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_lease_of_a_silent_training_is_renewed() -> None:
    version = leases.begin(ModelVersion(engine="lightfm"))
    lapsed = ModelVersion.objects.filter(pk=version.pk, lease_until__lt=Now())
    lapsed_at = Now() - timedelta(seconds=1)
    ModelVersion.objects.filter(pk=version.pk).update(lease_until=lapsed_at)
    assert lapsed.exists()
    with leases.heartbeat(version, every_seconds=0.01):
        while lapsed.exists():
            pass
    with pytest.raises(leases.TrainingBusyError):
        leases.begin(ModelVersion(engine="lightfm"))


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_does_not_bring_a_lost_lease_back() -> None:
    version = leases.begin(ModelVersion(engine="lightfm"))
    leases.fail(version, OSError("given up"))
    with leases.heartbeat(version, every_seconds=0):
        pass
    version.refresh_from_db()
    assert (version.status, version.lease_until) == (Status.FAILED, None)


def test_a_holdout_is_judged_by_what_was_known_before_it(small_shop: Shop) -> None:
    placed = order(small_shop.customers[0], small_shop.products[0], NOW - timedelta(days=40))
    refund(placed, NOW - timedelta(days=5))
    later = order(small_shop.customers[0], small_shop.products[1], NOW - timedelta(days=3))
    split = holdout(read_interactions(now=NOW), now=NOW)
    assert split.train.items.tolist() == [small_shop.products[0].pk]
    assert split.test.items.tolist() == [small_shop.products[1].pk]
    assert split.test.times.tolist() == [int(later.placed_at.timestamp())]


def test_a_training_unasked_learns_as_far_as_historical_data_go(shop: Shop) -> None:
    Order.objects.update(placed_at=F("placed_at") - timedelta(days=5_000))
    newest = Order.objects.latest("placed_at").placed_at
    train_recommender.apply(kwargs={"engine": "item_knn"}, throw=True)
    made = ModelVersion.objects.get()
    assert (made.status, made.data_until) == (Status.CHAMPION, newest + timedelta(seconds=1))
    assert PopularProducts.objects.filter(country="").exists()


def test_a_late_training_writes_nothing(shop: Shop) -> None:
    def lose_the_lease(stage: str, done: int, total: int) -> None:
        if stage == "score":
            ModelVersion.objects.filter(status=Status.TRAINING).update(status=Status.FAILED)

    with pytest.raises(leases.TrainingStoppedError):
        train(now=NOW, engine="item_knn", report=lose_the_lease)
    assert not Recommendation.objects.exists()
    assert registry.champion() is None


def test_a_failure_is_noted_and_frees_the_place(shop: Shop, models_dir: Path) -> None:
    models_dir.write_text("a file where a folder should be")
    with pytest.raises(FileExistsError):
        train(now=NOW, engine="item_knn")
    assert ModelVersion.objects.get().verdict.startswith("FileExistsError")
    models_dir.unlink()
    assert train(now=NOW, engine="item_knn").status == Status.CHAMPION


def test_the_task_trains_as_of_the_given_moment(shop: Shop) -> None:
    train_recommender.apply(kwargs={"engine": "item_knn", "now": NOW.isoformat()}, throw=True)
    assert ModelVersion.objects.get().data_until == NOW
    assert PopularProducts.objects.filter(country="GB").exists()


def test_the_task_lets_a_running_training_finish(small_shop: Shop) -> None:
    leases.begin(ModelVersion(engine="lightfm"))
    train_recommender.apply(throw=True)
    assert ModelVersion.objects.get().status == Status.TRAINING


def test_the_command_answers_in_json(shop: Shop) -> None:
    out = StringIO()
    call_command("train_recommender", engine="item_knn", now=NOW, json=True, stdout=out)
    answer = json.loads(out.getvalue())
    assert (answer["engine"], answer["number"], answer["status"]) == ("item_knn", 1, "champion")


def test_the_command_answers_in_a_sentence(shop: Shop) -> None:
    out = StringIO()
    call_command("train_recommender", "--engine=item_knn", f"--now={NOW:%Y-%m-%d}", stdout=out)
    assert out.getvalue().startswith("item_knn v1 — in use. Item neighbours beats popularity")


def test_the_command_refuses_beside_a_running_training(small_shop: Shop) -> None:
    leases.begin(ModelVersion(engine="lightfm"))
    with pytest.raises(CommandError, match="A training is under way"):
        call_command("train_recommender", stdout=StringIO())


def test_an_explanation_names_the_purchases_behind_a_product(shop: Shop) -> None:
    version = train(now=NOW)
    camper = shop.customers[0]
    explanation = explain(camper.pk, k=5)
    assert explanation.model_version == version
    assert [shown.rank for shown in explanation.shown] == [1, 2, 3, 4, 5]
    assert {act.verb for act in explanation.acts} == {"bought"}
    assert all(shown.because and {*shown.because} <= {*explanation.acts} for shown in explanation.shown)


def test_withdrawing_the_champion_serves_bestsellers(shop: Shop) -> None:
    train(now=NOW, engine="item_knn")
    registry.withdraw_champion()
    one = shop.customers[0].pk
    assert recommend([one], k=3)[one].source == "popular_in_country"
