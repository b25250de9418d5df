"""On the way back every message has all of its links itself again."""

from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from delivery.link_lists import link_list_of
from delivery.models import Message

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
BEFORE = "0010_unknown_messages"


@pytest.fixture
def migrated_back() -> Iterator[None]:
    """Leave the tables as they were found."""
    yield
    call_command("migrate", verbosity=0)


def test_shared_links_come_back_before_a_messages_own(
    migrated_back: None, queue: Callable[[int], list[Message]]
) -> None:
    shared = link_list_of(["https://shop.example/", "https://shop.example/sale"])
    tracked, erased, older = (message.pk for message in queue(3))
    Message.objects.filter(pk=tracked).update(links=["https://shop.example/p1"], link_list=shared)
    Message.objects.filter(pk=erased).update(links=None, link_list=shared)
    Message.objects.filter(pk=older).update(links=["https://shop.example/old"])
    call_command("migrate", "delivery", BEFORE, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, links FROM delivery_message ORDER BY id")
        assert cursor.fetchall() == [
            (tracked, ["https://shop.example/", "https://shop.example/sale", "https://shop.example/p1"]),
            (erased, None),
            (older, ["https://shop.example/old"]),
        ]
