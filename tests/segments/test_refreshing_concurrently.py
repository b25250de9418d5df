"""An edit, the news and the schedule at once: nobody waits for ever, and what is stored is right."""

import threading
from collections.abc import Callable
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from customers.models import Customer, Touched
from customers.profiles import update_profiles
from segments import membership
from segments.models import Segment, SegmentMembership

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


def test_edits_news_and_the_schedule_meet_without_harm():
    import_module("segments.migrations.0009_default_stages").install(apps, None)
    people = Customer.objects.bulk_create(Customer(country="GB") for _ in range(60))
    ids = [person.pk for person in people]
    for key, below in (("c", None), ("b", "c"), ("a", "b")):
        condition = {"segment": below} if below else {"attribute": "country", "value": "GB"}
        membership.store(Segment(key=key, name=key, condition=condition))
    failures: list[BaseException] = []

    def repeatedly(act: Callable[[int], object]) -> threading.Thread:
        def run() -> None:
            try:
                for round in range(ROUNDS):
                    act(round)
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def edit(round: int) -> None:
        segment = Segment.objects.select_related("parent").get(key="c")
        segment.condition = {"attribute": "country", "value": "DE" if round % 2 else "GB"}
        membership.store(segment)

    def write(round: int) -> None:
        some = ids[round * 7 :] + ids[: round * 7]
        update_profiles({id: {"country": "DE" if round % 2 else "GB"} for id in some})

    threads = [
        repeatedly(edit),
        repeatedly(write),
        repeatedly(lambda round: membership.refresh_touched(20)),
        repeatedly(lambda round: membership.refresh_all()),
        repeatedly(lambda round: membership.refresh_lifecycle(cause="schedule")),
    ]
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert not any(thread.is_alive() for thread in threads)
    while membership.refresh_touched():
        pass
    stored = set(SegmentMembership.objects.values_list("segment__key", "customer"))
    membership.refresh_all()
    assert stored == set(SegmentMembership.objects.values_list("segment__key", "customer"))
    assert not Touched.objects.filter(consumer="segments").exists()
