"""Merges beside each other and beside ingest: each happens once, whole or not at all."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from customers.consent import withdraw
from customers.facts import facts_drift, lock_facts
from customers.identity import ANONYMOUS
from customers.ingest import ingest
from customers.merging import MergeRefused, merge
from customers.models import Consent, Customer, CustomerFacts, Event, Merge, MergedRow
from customers.profiles import update_profiles
from customers.undoing import undo
from tests.customers.merges import bought, owner, snapshot, view

pytestmark = pytest.mark.django_db(transaction=True)
REVIEW = Merge.Cause.REVIEW


@pytest.fixture
def pair() -> tuple[Customer, Customer]:
    ingest([view("1", customer="7"), view("2", customer="8"), bought("A", 100, customer="8")], source="shop")
    return owner("shop", "7"), owner("shop", "8")


def beside(pool: ThreadPoolExecutor, act: Callable[[], Any]) -> "Future[Any]":
    """Run something in a thread with a connection of its own; the result may be an exception."""

    def run() -> Any:
        try:
            return act()
        except (MergeRefused, OperationalError) as error:
            return error
        finally:
            connection.close()

    return pool.submit(run)


def await_blocked(*futures: "Future[Any]") -> int:
    """Wait until one of them waits for a lock that this connection holds; its process id."""
    while not any(future.done() for future in futures):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if row := cursor.fetchone():
                return row[0]
    raise AssertionError("it ended without waiting")


def test_of_two_merges_of_one_pair_one_is_refused(pair):
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            lock_facts([one.pk for one in pair])
            results = [
                beside(pool, lambda one=one, other=other: merge(one.pk, other.pk, cause=REVIEW))
                for one, other in (pair, pair[::-1])
            ]
            await_blocked(*results)
        kinds = sorted(type(one.result()).__name__ for one in results)
    assert kinds == ["Merge", "MergeRefused"]
    assert Merge.objects.count() == 1
    assert facts_drift() == {}


def test_a_batch_on_its_way_to_an_absorbed_profile_goes_to_the_survivor(pair):
    kept, absorbed = pair
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            merge(kept.pk, absorbed.pk, cause=REVIEW)
            waiting = beside(
                pool, lambda: ingest([view("3", customer="8"), bought("B", 50, customer="8")], source="shop")
            )
            await_blocked(waiting)
        assert waiting.result().inserted == 2
    assert set(Event.objects.values_list("customer_id", flat=True)) == {kept.pk}
    assert CustomerFacts.objects.get(customer=kept).revenue_minor == 150
    assert facts_drift() == {}


def test_a_merge_waits_for_a_batch_and_takes_what_it_brought(pair):
    kept, absorbed = pair
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ingest([view("3", customer="8")], source="shop")
            merged = beside(pool, lambda: merge(kept.pk, absorbed.pk, cause=REVIEW))
            await_blocked(merged)
        assert isinstance(merged.result(), Merge)
    assert CustomerFacts.objects.get(customer=kept).views_count == 3
    assert facts_drift() == {}


def test_a_merge_whose_connection_dies_leaves_nothing_half(pair):
    kept, absorbed = pair
    before = snapshot()
    with ThreadPoolExecutor(1) as pool, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM customers_order FOR UPDATE")  # the merge comes this far
        dying = beside(pool, lambda: merge(kept.pk, absorbed.pk, cause=REVIEW))
        cursor.execute("SELECT pg_terminate_backend(%s)", [await_blocked(dying)])
        assert isinstance(dying.result(), OperationalError)
    assert snapshot() == before
    assert not Merge.objects.exists() and not MergedRow.objects.exists()
    merge(kept.pk, absorbed.pk, cause=REVIEW)


def test_visitors_sign_in_from_everywhere_while_merges_come_and_go(pair):
    def sign_in(number: int) -> None:
        for turn in range(6):
            name = f"{number}-{turn}"
            ingest([view(f"v{name}", anonymous=f"cookie{turn}")], source="shop")
            ingest([view(f"s{name}", customer=str(7 + turn % 2), anonymous=f"cookie{turn}")], source="shop")

    def back_and_forth() -> None:
        for _ in range(4):
            undo(merge(pair[0].pk, pair[1].pk, cause=REVIEW).pk)

    with ThreadPoolExecutor(4) as pool:
        acts = [beside(pool, lambda n=n: sign_in(n)) for n in range(3)] + [beside(pool, back_and_forth)]
        assert [act.result() for act in acts] == [None] * 4
    assert Event.objects.count() == 4 + 36
    assert {owner(ANONYMOUS, f"cookie{turn}").is_anonymous for turn in range(6)} == {False}
    assert facts_drift() == {}


def test_an_answer_that_waits_for_a_merge_is_the_survivors(pair):
    kept, absorbed = pair
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            merge(kept.pk, absorbed.pk, cause=REVIEW)
            waiting = beside(pool, lambda: withdraw([absorbed.pk], source="link"))
            await_blocked(waiting)
        assert waiting.result() == 1
    assert list(Consent.objects.values_list("customer", "is_granted")) == [(kept.pk, False)]


def test_what_is_told_of_somebody_who_is_being_merged_is_told_of_the_survivor(pair):
    kept, absorbed = pair
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            merge(kept.pk, absorbed.pk, cause=REVIEW)
            waiting = beside(pool, lambda: update_profiles({absorbed.pk: {"first_name": "Ann"}}))
            await_blocked(waiting)
        assert waiting.result() == 1
    assert list(Customer.objects.order_by("pk").values_list("pk", "first_name")) == [
        (kept.pk, "Ann"),
        (absorbed.pk, ""),
    ]
