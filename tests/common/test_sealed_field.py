"""Secrets in columns: sealed in the database, plain in Python, left alone when their key is gone."""

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from campaigns.models import Journey
from common.sealed import seal, unseal
from customers.models import EventHook
from tests.campaigns.journeys.going import journey

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="


def stored(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        ((text,),) = cursor.fetchall()
    return str(text)


@pytest.mark.django_db
def test_it_is_sealed_in_the_database_and_plain_in_python() -> None:
    hook = EventHook.objects.create(name="till", mapping={})
    assert hook.secret.startswith("whsec_")
    assert unseal(stored("customers_eventhook", "secret")) == hook.secret
    assert EventHook.objects.get().secret == hook.secret


@pytest.mark.django_db
def test_without_its_key_it_reads_as_empty_and_is_not_lost(settings: Settings) -> None:
    hook = EventHook.objects.create(name="till", mapping={})
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 8
    locked = EventHook.objects.get()
    assert locked.secret == ""
    locked.is_enabled = False
    locked.save()
    settings.SECRET_KEY = before
    assert (EventHook.objects.get().secret, EventHook.objects.get().is_enabled) == (hook.secret, False)


@pytest.mark.django_db
def test_no_secret_is_none() -> None:
    EventHook.objects.create(name="till", mapping={}, secret="")
    assert (EventHook.objects.get().secret, EventHook.objects.filter(secret="").count()) == ("", 1)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_an_upgrade_seals_what_there_is_and_a_way_back_opens_it() -> None:
    EventHook.objects.create(name="till", mapping={}, secret=SECRET)
    journey(webhook_secret=SECRET)
    try:
        call_command("migrate", "campaigns", "0016", verbosity=0)
        call_command("migrate", "customers", "0035", verbosity=0)
        assert stored("customers_eventhook", "secret") == SECRET
        assert stored("campaigns_journey", "webhook_secret") == SECRET
    finally:
        call_command("migrate", verbosity=0)
    assert (EventHook.objects.get().secret, Journey.objects.get().webhook_secret) == (SECRET, SECRET)
    assert stored("campaigns_journey", "webhook_secret") != SECRET


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert seal(SECRET) != seal(SECRET)
