"""Planning an experiment in the admin."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from common.clock import now
from experiments.models import Experiment

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
