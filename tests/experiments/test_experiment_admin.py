"""Planning an experiment in the admin."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from campaigns.launching import LaunchRefused, launch, obstacles
from campaigns.models import Campaign
from common.clock import now
from experiments.models import Experiment
from tests.campaigns.making import draft, people

pytestmark = pytest.mark.django_db


def form(*arms: tuple[str, str, int]) -> dict[str, Any]:
    """What the browser posts for an experiment with these arms (key, role, weight)."""
    data: dict[str, Any] = {
        "key": "spring",
        "name": "Spring",
        "hypothesis": "",
        "salt": "s4lt",
        "primary_metric": "conversion",
        "conversion_window_days": 7,
        "alpha": 0.05,
        "tests": "template",
        "method": "fixed",
        "looks": 1,
        "power": 0.8,
        "guardrails": '["unsubscribe"]',
        "guardrail_margin": 0.0025,
        "winner": "show",
        "remainder_percent": 0,
        "minimum_wait_hours": 24,
        "no_winner": "baseline",
        "allocation": "fixed",
        "variants-TOTAL_FORMS": len(arms),
        "variants-INITIAL_FORMS": 0,
    }
    for position, (key, role, weight) in enumerate(arms):
        arm = {"position": position, "key": key, "name": key, "role": role, "weight": weight}
        data |= {f"variants-{position}-{field}": value for field, value in arm.items()}
    return data


def errors_of(response: Any) -> list[str]:
    [formset] = response.context["inline_admin_formsets"]
    return list(formset.formset.non_form_errors())


def test_it_stores_a_plan_whose_weights_add_up(admin_client: Client) -> None:
    arms = form(("A", "baseline", 4500), ("B", "treatment", 4500), ("none", "no_mail", 1000))
    admin_client.post(reverse("admin:experiments_experiment_add"), arms)
    stored = Experiment.objects.get(key="spring").variants.values_list("key", "role", "weight")
    assert list(stored) == [("A", "baseline", 4500), ("B", "treatment", 4500), ("none", "no_mail", 1000)]


def test_it_refuses_weights_that_do_not_add_up(admin_client: Client) -> None:
    arms = form(("A", "baseline", 4500), ("B", "treatment", 4500))
    response = admin_client.post(reverse("admin:experiments_experiment_add"), arms)
    assert errors_of(response) == ["The weights must add up to 10,000 basis points; these make 9,000."]
    assert not Experiment.objects.exists()


@pytest.mark.parametrize("alpha", ["5", "0", "-0.05", "0.21", "nan"])
def test_it_refuses_an_error_rate_that_is_none(admin_client: Client, alpha: str) -> None:
    plan = form(("A", "baseline", 5000), ("B", "treatment", 5000)) | {"alpha": alpha}
    response = admin_client.post(reverse("admin:experiments_experiment_add"), plan)
    assert list(response.context["adminform"].form.errors) == ["alpha"]
    assert not Experiment.objects.exists()


@pytest.mark.parametrize("bad", [{"alpha": 5.0}, {"alpha": 0.0}, {"conversion_window_days": 0}])
def test_the_database_refuses_an_implausible_plan(bad: dict[str, float]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.create(key="spring", name="Spring", salt="s4lt", **bad)
    assert not Experiment.objects.exists()


def test_it_refuses_a_second_baseline(admin_client: Client) -> None:
    arms = form(("A", "baseline", 5000), ("B", "baseline", 5000))
    response = admin_client.post(reverse("admin:experiments_experiment_add"), arms)
    assert errors_of(response) == ["An experiment has at most one baseline and at most one arm without mail."]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"looks": 3}, "__all__"),
        ({"method": "pocock", "looks": 21}, "looks"),
        ({"guardrails": '["sales"]'}, "guardrails"),
        ({"guardrails": '["bounce", "bounce"]'}, "guardrails"),
        ({"smallest_effect": 0}, "__all__"),
        ({"guardrail_margin": 1}, "__all__"),
        ({"power": 0.4}, "power"),
        ({"remainder_percent": 91}, "remainder_percent"),
        ({"minimum_wait_hours": 0}, "minimum_wait_hours"),
    ],
)
def test_it_refuses_a_plan_that_is_none(admin_client: Client, changed: dict[str, Any], field: str) -> None:
    plan = form(("A", "baseline", 5000), ("B", "treatment", 5000)) | changed
    response = admin_client.post(reverse("admin:experiments_experiment_add"), plan)
    assert list(response.context["adminform"].form.errors) == [field]
    assert not Experiment.objects.exists()


@pytest.mark.parametrize(
    "bad",
    [
        {"looks": 2},
        {"method": "anytime", "looks": 0},
        {"power": 1.0},
        {"smallest_effect": -0.1},
        {"expected_value": -1.0},
        {"guardrails": ["sales"]},
        {"guardrail_margin": 0.0},
        {"remainder_percent": 95},
        {"minimum_wait_hours": 0},
    ],
    ids=lambda bad: next(reversed(bad)),
)
def test_the_database_refuses_a_plan_out_of_range(bad: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.create(key="spring", name="Spring", salt="s4lt", **bad)
    assert not Experiment.objects.exists()


def test_two_holdouts_with_one_salt_are_refused(admin_client: Client) -> None:
    arms = form(("A", "baseline", 5000), ("B", "treatment", 4000), ("none", "no_mail", 1000))
    arms |= {"variants-0-salt": "same", "variants-2-salt": "same"}
    response = admin_client.post(reverse("admin:experiments_experiment_add"), arms)
    assert errors_of(response) == ["Two holdouts with the same salt would not be drawn apart."]


def test_two_arms_of_one_name_are_refused(admin_client: Client) -> None:
    arms = form(("A", "baseline", 5000), ("B", "treatment", 5000))
    arms |= {"variants-0-name": "Mail", "variants-1-name": "mail "}
    response = admin_client.post(reverse("admin:experiments_experiment_add"), arms)
    assert errors_of(response) == ["Two arms have the same name: results call them by it."]


def test_every_new_experiment_is_offered_a_salt_of_its_own(admin_client: Client) -> None:
    address = reverse("admin:experiments_experiment_add")
    salts = {admin_client.get(address).context["adminform"].form["salt"].value() for _ in range(2)}
    assert len(salts) == 2


def test_a_started_experiment_can_be_read_and_not_changed(admin_client: Client) -> None:
    started = Experiment.objects.create(key="spring", name="Spring", salt="s4lt", started_at=now())
    address = reverse("admin:experiments_experiment_change", args=[started.pk])
    assert admin_client.get(address).status_code == 200
    assert admin_client.post(address, {"salt": "other"}).status_code == 403
    assert Experiment.objects.get().salt == "s4lt"


def test_a_started_experiment_cannot_be_deleted(admin_client: Client) -> None:
    started = Experiment.objects.create(key="spring", name="Spring", salt="s4lt", started_at=now())
    address = reverse("admin:experiments_experiment_delete", args=[started.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    assert Experiment.objects.count() == 1


def test_a_holdout_with_the_experiment_s_own_salt_is_refused(admin_client: Client) -> None:
    arms = form(("A", "baseline", 5000), ("B", "treatment", 4000), ("none", "no_mail", 1000))
    arms |= {"variants-2-salt": "s4lt"}
    [error] = errors_of(admin_client.post(reverse("admin:experiments_experiment_add"), arms))
    assert error.startswith(
        "A holdout with the salt of the experiment, or of another holdout, is not drawn apart"
    )
    assert not Experiment.objects.exists()


def test_a_campaign_whose_holdout_is_not_drawn_apart_is_not_launched() -> None:
    people(2)
    campaign = draft(no_mail=10)
    campaign.experiment.variants.filter(role="no_mail").update(salt=campaign.experiment.salt)
    [sentence] = obstacles(campaign)
    assert sentence.startswith("A holdout with the salt of the experiment")
    with pytest.raises(LaunchRefused, match="is not drawn apart"):
        launch(campaign.pk)


def test_what_a_campaign_s_page_plans_is_read_only_here(admin_client: Client) -> None:
    campaign = draft()
    address = reverse("admin:experiments_experiment_change", args=[campaign.experiment_id])
    fields = admin_client.get(address).context["adminform"].form.fields
    assert set(fields) == {"name"}


def test_the_arms_of_a_scheduled_campaign_are_not_changed_here(admin_client: Client) -> None:
    campaign = draft()
    Campaign.objects.update(state=Campaign.State.SCHEDULED)
    experiment = campaign.experiment
    before = list(experiment.variants.values_list("key", "weight", "salt"))
    changed = change_of(experiment) | {"variants-0-weight": 1, "variants-1-weight": 9_999, "salt": "other"}
    address = reverse("admin:experiments_experiment_change", args=[experiment.pk])
    assert admin_client.post(address, changed).status_code == 302
    stored = Experiment.objects.get()
    assert (stored.name, stored.salt) == ("Renamed", experiment.salt)
    assert list(stored.variants.values_list("key", "weight", "salt")) == before


def change_of(experiment: Experiment) -> dict[str, Any]:
    """What the browser posts for a stored experiment of two arms, which changes its name."""
    data = form(*experiment.variants.values_list("key", "role", "weight"))
    data |= {"key": experiment.key, "name": "Renamed", "salt": experiment.salt, "variants-INITIAL_FORMS": 2}
    for place, one in enumerate(experiment.variants.all()):
        data |= {f"variants-{place}-id": one.pk, f"variants-{place}-experiment": experiment.pk}
        data |= {f"variants-{place}-salt": one.salt}
    return data


def await_blocked(other: Future[Any]) -> None:
    """Return when the other thread waits for this one's transaction."""
    with connection.cursor() as cursor:
        while not other.done():
            cursor.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone():
                return


@pytest.mark.django_db(transaction=True)
def test_what_is_saved_here_while_it_starts_does_not_take_the_start_back(admin_client: Client) -> None:
    experiment = draft().experiment
    address, data = (
        reverse("admin:experiments_experiment_change", args=[experiment.pk]),
        change_of(experiment),
    )

    def save() -> int:
        try:
            return admin_client.post(address, data).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Experiment.objects.update(started_at=now())
            saving = pool.submit(save)
            await_blocked(saving)
        assert saving.result() == 403
    stored = Experiment.objects.get()
    assert (stored.started_at is None, stored.name) == (False, "Spring")


@pytest.mark.django_db(transaction=True)
def test_a_launch_waits_for_who_changes_the_arms_and_draws_the_new_ones() -> None:
    people(4)
    campaign = draft()

    def start() -> dict[str, int]:
        try:
            return launch(campaign.pk).by_variant
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Experiment.objects.select_for_update().get()
            campaign.experiment.variants.filter(role="baseline").update(weight=0)
            campaign.experiment.variants.filter(role="treatment").update(weight=10_000)
            starting = pool.submit(start)
            await_blocked(starting)
        assert starting.result() == {"a": 0, "b": 4}
