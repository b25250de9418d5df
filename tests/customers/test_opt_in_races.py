"""Confirming an address beside merges and erasures: whoever comes second waits, and finds what the first left."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from customers import consent, opt_in
from customers.address_changes import change_address
from customers.erasure import erase
from customers.facts import lock_facts
from customers.ingest import ingest
from customers.merging import lock_makers, merge
from customers.models import Customer, Merge, OptIn, Order
from tests.customers.merges import bought
from tests.customers.test_merging_concurrency import await_blocked

pytestmark = pytest.mark.django_db(transaction=True)
ANN = "ann@example.com"


@pytest.fixture(autouse=True)
def erasures(settings: Settings, tmp_path: Path) -> None:
    settings.ERASURES_FILE, settings.PERSONAL_FILES = tmp_path / "erasures.jsonl", []


def asked() -> OptIn:
    text = consent.current_text("marketing_email").pk
    request = opt_in.ask(ANN, texts={"marketing_email": text}, source="form")
    assert request is not None
    return request


def beside(pool: ThreadPoolExecutor, act: Callable[[], Any]) -> "Future[Any]":
    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    return pool.submit(run)


def test_who_is_merged_meanwhile_is_granted_mail_as_the_survivor() -> None:
    survivor, absorbed = Customer.objects.create(first_name="Ann"), Customer.objects.create(email=ANN)
    request = asked()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            merge(survivor.pk, absorbed.pk, cause=Merge.Cause.REVIEW)
            confirming = beside(pool, lambda: opt_in.confirm(request))
            await_blocked(confirming)
        assert confirming.result()
    assert Customer.objects.consenting().get() == survivor
    assert Customer.objects.get(pk=absorbed.pk).email is None


def test_who_is_erased_meanwhile_confirms_nothing() -> None:
    customer = Customer.objects.create(email=ANN)
    request = asked()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_makers()
            confirming = beside(pool, lambda: opt_in.confirm(request))
            await_blocked(confirming)
            erase(customer.pk, by=None, reason="asked")
        with pytest.raises(OptIn.DoesNotExist):
            confirming.result()
    assert not Customer.objects.consenting().exists()


@pytest.mark.parametrize("state", ["merged", "erased"])
def test_what_is_left_of_somebody_gets_no_address(state: str) -> None:
    customer, other = Customer.objects.create(email=ANN), Customer.objects.create(email="bob@example.com")
    if state == "merged":
        merge(other.pk, customer.pk, cause=Merge.Cause.REVIEW)
    else:
        erase(customer.pk, by=None, reason="asked")
    with transaction.atomic(), pytest.raises(Customer.DoesNotExist):
        change_address(customer.pk, "eve@example.com")
    assert not Customer.objects.filter(email="eve@example.com").exists()


def test_an_order_on_its_way_and_an_erasure_do_not_lock_each_other_out() -> None:
    ingest([bought("A", 100, customer="7")], source="shop")
    customer = Customer.objects.get()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_facts([customer.pk])
            erasing = beside(pool, lambda: erase(customer.pk, by=None, reason="asked"))
            await_blocked(erasing)
            Order.objects.create(
                source="shop",
                external_id="B",
                customer=customer,
                placed_at=Order.objects.get().placed_at,
                currency="EUR",
                total_minor=1,
            )
        assert erasing.result()
    assert Customer.objects.get().erased_at is not None
