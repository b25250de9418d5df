"""Consent has one present answer; suppressed addresses are kept as hashes that Python and SQL agree on."""

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, transaction

from customers.addresses import BadAddress, canonical
from customers.consent import (
    address_hash,
    address_hash_sql,
    answers,
    current_text,
    grant,
    is_suppressed,
    publish_text,
    suppress,
    withdraw,
)
from customers.models import Consent, ConsentRecord, Customer, Purpose, Suppression, Touched


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


def test_every_answer_is_kept_with_its_proof_and_none_is_rewritten(ann):
    text = publish_text(Purpose.MARKETING_EMAIL, "Write to me.")
    grant([ann.pk], source="form", proof="box ticked", text=text)
    withdraw([ann.pk], source="link")
    log = ConsentRecord.objects.order_by("pk")
    assert [(one.is_granted, one.source, one.proof, one.text) for one in log] == [
        (True, "form", "box ticked", text),
        (False, "link", "", None),
    ]
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        log.update(is_granted=True)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        log.delete()


def test_a_new_wording_is_a_new_answer_and_the_same_words_are_not(ann):
    first, second = (publish_text(Purpose.MARKETING_EMAIL, words) for words in ("One.", "Two."))
    assert (first.version, second.version) == (1, 2)
    assert publish_text(Purpose.MARKETING_EMAIL, "One.") == first
    assert [grant([ann.pk], source="form", text=text) for text in (first, first, second)] == [1, 0, 1]
    assert current_text(Purpose.MARKETING_EMAIL) == second


def test_purposes_are_answered_one_by_one(ann):
    grant([ann.pk], source="form")
    withdraw([ann.pk], Purpose.PROFILING, source="form")
    ann.refresh_from_db()
    assert answers(ann) == {
        Purpose.MARKETING_EMAIL: True,
        Purpose.OPEN_TRACKING: True,
        Purpose.CLICK_TRACKING: True,
        Purpose.PROFILING: False,
    }


def test_an_address_suppressed_for_marketing_still_gets_mail_about_its_order(db):
    suppress("ann@example.com", Suppression.Reason.MANUAL, scope=Suppression.Scope.MARKETING)
    assert is_suppressed("ann@example.com")
    assert not is_suppressed("ann@example.com", is_marketing=False)


def test_a_wider_suppression_replaces_a_narrower_one_only(db):
    suppress("ann@example.com", Suppression.Reason.MANUAL, scope=Suppression.Scope.MARKETING)
    assert suppress("ann@example.com", Suppression.Reason.COMPLAINT)
    assert not suppress("ann@example.com", Suppression.Reason.MANUAL, scope=Suppression.Scope.MARKETING)
    assert Suppression.objects.values_list("scope", "reason").get() == ("all", "complaint")


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
