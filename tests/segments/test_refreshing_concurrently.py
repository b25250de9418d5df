"""An edit, the news and the schedule at once: nobody waits for ever, and what is stored is right."""

import os
import threading
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction

from customers.models import Customer, Touched
from customers.profiles import update_profiles
from segments import lists, membership
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
    fair = Segment(key="fair", name="Fair", kind=Segment.Kind.STATIC)
    membership.store(fair)
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

    def fill(round: int) -> None:
        lines = [f"{people[round].public_id}\n"]
        lists.fill(fair, lists.read(lines), name="x", replaces=bool(round % 2))

    threads = [
        repeatedly(edit),
        repeatedly(fill),
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


def test_nobody_waits_while_a_file_of_names_is_read(tmp_path: Path):
    membership.store(Segment(key="fair", name="Fair", kind=Segment.Kind.STATIC))
    pipe = tmp_path / "names.csv"
    os.mkfifo(pipe)

    def command() -> None:
        try:
            call_command("fill_segment", "fair", str(pipe), stdout=StringIO())
        finally:
            connection.close()

    reader = threading.Thread(target=command)
    reader.start()
    with pipe.open("w") as lines:
        lines.write("\n" * 500_000)  # more than the pipe holds: it is being read now
        lines.flush()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '3s'")
            membership.hold()
        lines.write("who@example.com\n")
    reader.join(60)
    assert Segment.objects.get().fills.get().unknown_count == 1
