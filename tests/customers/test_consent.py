"""Consent has one present answer; suppressed addresses are kept as hashes that Python and SQL agree on."""

import pytest
from django.conf import settings
from django.db import connection

from customers.addresses import BadAddress, canonical
from customers.consent import address_hash, address_hash_sql, grant, is_suppressed, suppress, withdraw
from customers.models import Consent, Customer, Suppression, Touched


@pytest.fixture
def ann(db):
    return Customer.objects.create(email="Ann@xn--bcher-kva.example")


def test_it_grants_once_and_tells_the_listeners(ann):
    assert grant([ann.pk], source="form", proof="box ticked") == 1
    assert grant([ann.pk], source="form") == 0
    consent = Consent.objects.get()
    assert (consent.is_granted, consent.proof) == (True, "box ticked")
    assert Touched.objects.filter(customer=ann).count() == 1


def test_it_withdraws_what_was_granted(ann):
    grant([ann.pk], source="form")
    assert withdraw([ann.pk], source="link") == 1
    assert not Consent.objects.get().is_granted


def test_an_import_does_not_overrule_a_withdrawal(ann):
    withdraw([ann.pk], source="link")
    assert grant([ann.pk], source="import", overrule_withdrawal=False) == 0
    assert not Consent.objects.get().is_granted


def test_customers_who_do_not_exist_are_passed_over(db):
    assert grant([424242], source="form") == 0


def test_the_hash_is_the_same_in_python_and_sql(ann):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {address_hash_sql('c.email')} FROM customers_customer c", [settings.SUPPRESSION_KEY]
        )
        assert bytes(cursor.fetchone()[0]) == address_hash(" Ann@BÜCHER.example ")


def test_a_suppressed_address_is_known_in_any_spelling(db):
    assert suppress("ann@EXAMPLE.com", Suppression.Reason.COMPLAINT)
    assert not suppress("ann@example.com", Suppression.Reason.MANUAL)
    assert is_suppressed(" ann@example.com")
    assert not is_suppressed("bob@example.com")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (" Ann.Lee@Example.COM ", "Ann.Lee@example.com"),
        ("ü@bücher.example", "ü@xn--bcher-kva.example"),
        ("c12346@example.com", "c12346@example.com"),
    ],
)
def test_an_address_has_one_form(given, stored):
    assert canonical(given) == stored
    assert canonical(stored) == stored


@pytest.mark.parametrize("bad", ["", "ann", "ann@", "@example.com", "a b@example.com", "ann@host", "a@b..c"])
def test_what_is_no_address_is_refused(bad):
    with pytest.raises(BadAddress):
        canonical(bad)
