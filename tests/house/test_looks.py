"""Whoever looks at somebody's data leaves a line: pages that show a person are found here by visiting them all."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import CompositePrimaryKey, Model, SlugField
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from customers.models import Customer, PeopleImport, Reconciliation, SyncRun
from tests.customers import canary
from tests.house.test_access import INTERNAL

pytestmark = pytest.mark.django_db
WORDS = (canary.EMAIL, "Xanthippe", "Quetzalcoatl", "cust-90210", "order-31337", "anon-4711")
MOST = 12  # objects of a kind that are tried


@pytest.fixture
def boss(client: Client) -> User:
    boss = User.objects.create_user("boss@example.com", role=Role.ADMIN, is_staff=True, is_superuser=True)
    client.force_login(boss)
    return boss


@pytest.fixture
def bird(boss: User, settings: Settings, tmp_path: Path) -> Customer:
    """The canary, with files and books that name it too."""
    settings.REJECTS_DIR, settings.DROP_DIR = tmp_path / "rejects", tmp_path / "drop"
    settings.IMPORTS_DIR = tmp_path / "imports"
    settings.IMPORTS_DIR.mkdir()
    customer = canary.make(boss)
    SyncRun.objects.update(rejects_path=str(settings.REJECTS_DIR / "shop.csv"))
    listed = settings.IMPORTS_DIR / "list.csv"
    listed.write_text(f"mail\n{canary.EMAIL}\n")
    file = {"encoding": "utf-8", "delimiter": ",", "header": ["mail"], "has_names": True}
    draft = {
        "path": str(listed),
        "file": {**file, "samples": [[canary.EMAIL]]},
        "mapping": {"columns": {"email": "mail"}},
    }
    PeopleImport.objects.create(name="draft", **draft)
    report = {"rows": 1, "stored": {}, "rejected": {"bad_address": 1}, "consents": {}}
    example = {"row": 1, "reason": "bad_address", "text": canary.EMAIL}
    PeopleImport.objects.create(
        name="list", state="checked", report={**report, "examples": [example]}, **draft
    )
    PeopleImport.objects.create(name="done", state="done", run=SyncRun.objects.latest("pk"), **draft)
    result = {
        "rows": 1,
        "refused": {},
        "told": 1,
        "matched": 0,
        "columns": [],
        "days": [],
        "not_told_keys": [],
    }
    counts = dict.fromkeys(("repeated", "expired", "not_told", "differing", "days_count"), 0)
    missing = {"not_stored": 1, "not_stored_keys": ["order-31337"], "is_equal": False}
    Reconciliation.objects.create(source="shop", state="done", result={**result, **counts, **missing})
    return customer


def addresses(bird: Customer) -> Iterator[str]:
    """Every page that a colleague can open, with every object of its app."""
    for name, (route, _) in INTERNAL.items():
        names = re.findall(r"<\w+:(\w+)>", route)
        values = {"public_id": [bird.public_id], **objects(name.partition(":")[0])}
        if set(names) <= set(values) and "(?P" not in route:
            for chosen in product(*(values[one] for one in names)):
                yield reverse(name, kwargs=dict(zip(names, chosen, strict=True)))
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{base}_changelist")
        if model._meta.app_label in ("customers", "delivery", "admin") and not has_composite_key(model):
            yield from (reverse(f"{base}_change", args=[pk]) for pk in some(model, "pk")[:5])


def objects(label: str) -> dict[str, list[Any]]:
    """Primary keys and keys of an app's rows."""
    models = [model for model in apps.get_models() if model._meta.app_label == label]
    return {
        "pk": sorted({pk for model in models for pk in some(model, "pk") if isinstance(pk, int)}),
        "key": sorted({key for model in models if has_key(model) for key in some(model, "key")}),
    }


def has_composite_key(model: type[Model]) -> bool:
    return isinstance(model._meta.pk, CompositePrimaryKey)


def has_key(model: type[Model]) -> bool:
    return any(isinstance(field, SlugField) and field.name == "key" for field in model._meta.concrete_fields)


def some(model: type[Model], column: str) -> list[Any]:
    return list(model._base_manager.order_by("pk").values_list(column, flat=True)[:MOST])


def shown(response: Any) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode("utf-8", "replace")


def unnoticed(client: Client, paths: Iterator[str]) -> tuple[list[str], list[str]]:
    """Pages that show the person, and those of them that leave no line."""
    showing, silent = [], []
    for path in paths:
        before = AuditEntry.objects.count()
        response = client.get(path)
        if response.status_code == 200 and any(word in shown(response) for word in WORDS):
            showing.append(path)
            if AuditEntry.objects.count() == before:
                silent.append(path)
    return showing, silent


def test_every_page_that_shows_somebody_notes_who_looked(client: Client, bird: Customer) -> None:
    showing, silent = unnoticed(client, addresses(bird))
    assert silent == []
    kinds = {re.sub(r"[0-9a-f-]{36}|\d+", "#", path) for path in showing}
    assert kinds >= {"/customers/", "/customers/#/", "/mailbox/#/", "/admin/customers/customer/#/change/"}
    assert len(kinds) >= 20


def test_a_look_names_the_object_and_none_of_its_contents(client: Client, boss: User) -> None:
    client.get("/customers/", {"q": canary.EMAIL})
    found = AuditEntry.objects.values_list("user", "action", "object_id", "detail").get()
    assert found == (boss.pk, "looked at the customers", "", "")


def test_a_page_that_refuses_or_finds_nothing_notes_nothing(client: Client, boss: User) -> None:
    assert client.get("/data/quarantine/999999/").status_code == 404
    client.force_login(User.objects.create_user("v@example.com", role=Role.VIEWER))
    assert client.get("/data/quarantine/").status_code == 403
    assert not AuditEntry.objects.exists()
