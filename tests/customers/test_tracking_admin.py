"""Event names, hooks and write keys in the admin."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, User
from customers.models import EventHook, EventName
from customers.tracking.names import types_of
from tests.customers.tracking import Tracker, track

pytestmark = pytest.mark.usefixtures("usual_names")


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss@example.com", "x"))
    return client


def test_lists_and_pages_open(boss: Client) -> None:
    EventHook.objects.create(name="till", mapping={})
    for name in ("eventname", "eventhook"):
        one = {"eventname": EventName, "eventhook": EventHook}[name].objects.first()
        assert boss.get(reverse(f"admin:customers_{name}_changelist"), {"q": "a"}).status_code == 200
        assert boss.get(reverse(f"admin:customers_{name}_change", args=[one.pk])).status_code == 200
        assert boss.get(reverse(f"admin:customers_{name}_add")).status_code == 200


def test_a_marketer_may_add_a_name_for_a_type(boss: Client) -> None:
    boss.post(reverse("admin:customers_eventname_add"), {"name": "Item Bought", "type": "5"})
    assert types_of(["item_bought"], source="webshop") == {"item_bought": 5}


def test_a_name_that_is_there_in_another_spelling_is_refused(boss: Client) -> None:
    page = boss.post(reverse("admin:customers_eventname_add"), {"name": "product_viewed", "type": "3"})
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == ["name"]
    assert types_of(["Product Viewed"], source="webshop") == {"Product Viewed": 1}


def test_a_name_that_nothing_is_called_by_may_be_deleted(boss: Client) -> None:
    types_of(["Quiz Finished"], source="webshop")
    name = EventName.objects.get(name="Quiz Finished")
    boss.post(reverse("admin:customers_eventname_delete", args=[name.pk]), {"post": "yes"})
    assert not EventName.objects.filter(pk=name.pk).exists()


def test_a_name_of_its_own_may_be_mapped_but_not_deleted(boss: Client, tracker: Tracker) -> None:
    tracker.batch(track("Quiz Finished"))
    name = EventName.objects.get(name="Quiz Finished")
    assert boss.get(reverse("admin:customers_eventname_delete", args=[name.pk])).status_code == 403
    boss.post(reverse("admin:customers_eventname_change", args=[name.pk]), {"type": "15"})
    name.refresh_from_db()
    assert (name.type, name.number, name.stored_type) == (15, 1000, 15)


def test_a_write_key_is_made_with_its_source(boss: Client) -> None:
    values = {"name": "Shop", "scopes": ["track:write"], "source": "webshop"}
    boss.post(reverse("admin:accounts_apikey_add"), values)
    key = ApiKey.objects.get()
    assert (key.source, key.scopes) == ("webshop", ["track:write"])
