"""A known id with a new address: mail goes there once it is agreed to again, and the old one still leads to them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from common.clock import now
from customers import consent, opt_in
from customers.erasure import erase
from customers.identity import Person, Resolution, Told, identify, resolve
from customers.models import (
    Consent,
    ConsentRecord,
    Customer,
    CustomerIdentity,
    DuplicatePair,
    Purpose,
    SourcePolicy,
    Touched,
)

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = "ada@old.example", "ada@new.example"


@pytest.fixture
def trusted() -> SourcePolicy:
    return SourcePolicy.objects.create(source="shop", changes_email=True)


@pytest.fixture
def ada(trusted: SourcePolicy) -> Customer:
    tell(OLD, days=0)
    return Customer.objects.get()


def tell(email: str, *, days: int, id: str = "7") -> Resolution:
    at = AT + timedelta(days=days)
    return identify([Told(Person("shop", id, email), {"first_name": "Ada"}, at)], source="shop")


def address(customer: Customer) -> str | None:
    return Customer.objects.get(pk=customer.pk).email


def test_a_new_address_for_a_known_id_is_taken_over_and_the_old_one_leads_to_them(ada: Customer) -> None:
    tell(NEW, days=1)
    assert address(ada) == NEW
    assert CustomerIdentity.objects.get(namespace="email").value == OLD
    assert resolve([Person(email=OLD)], source="crm").ids[Person(email=OLD)] == ada.pk


def test_a_grant_was_for_the_old_address_and_a_withdrawal_is_for_good(ada: Customer) -> None:
    consent.grant([ada.pk], source="double opt-in")
    consent.grant([ada.pk], Purpose.PROFILING, source="form")
    consent.withdraw([ada.pk], Purpose.OPEN_TRACKING, source="form")
    tell(NEW, days=1)
    held = Consent.objects.order_by("purpose").values_list("purpose", "is_granted")
    assert list(held) == [("open_tracking", False), ("profiling", True)]
    last = ConsentRecord.objects.latest("pk")
    assert (last.purpose, last.is_granted, last.source) == ("marketing_email", False, "address changed")


def test_the_new_address_may_agree_anew(ada: Customer) -> None:
    consent.grant([ada.pk], source="double opt-in")
    tell(NEW, days=1)
    assert consent.grant([ada.pk], source="import", overrule_withdrawal=False) == 1


def test_an_older_word_and_a_former_address_change_nothing(ada: Customer) -> None:
    tell(NEW, days=2)
    tell("ada@between.example", days=1)
    tell(OLD, days=3)
    assert address(ada) == NEW


def test_a_late_word_does_not_overrule_the_address_that_was_told_first(ada: Customer) -> None:
    consent.grant([ada.pk], source="double opt-in")
    tell(NEW, days=-1)
    assert Customer.objects.consenting().get().email == OLD


def test_an_address_that_came_after_the_id_is_not_overruled_by_a_late_word(trusted: SourcePolicy) -> None:
    resolve([Person("shop", "7")], source="shop")
    tell(OLD, days=1)
    tell(NEW, days=0)
    assert Customer.objects.get().email == OLD


def test_an_address_without_a_time_counts_since_it_was_last_written(trusted: SourcePolicy) -> None:
    customer = Customer.objects.create(email=OLD)
    CustomerIdentity.objects.create(namespace="shop", value="7", customer=customer)
    tell(NEW, days=0)
    assert address(customer) == OLD
    tell(NEW, days=(now() - AT).days + 1)
    assert address(customer) == NEW


def test_an_event_dates_an_address_too(trusted: SourcePolicy) -> None:
    resolve([Person("shop", "7", OLD)], source="shop")
    Customer.objects.update(updated_at=AT)
    tell(NEW, days=1)
    assert Customer.objects.get().email == OLD


def test_who_confirms_the_address_that_they_have_dates_it_anew(ada: Customer) -> None:
    texts = {"marketing_email": consent.current_text("marketing_email").pk}
    asked = opt_in.ask(OLD, texts=texts, source="sign-up form")
    assert asked is not None
    opt_in.confirm(asked)
    tell(NEW, days=1)
    assert Customer.objects.consenting().get().email == OLD


def test_of_several_addresses_in_one_batch_the_newest_stands(ada: Customer) -> None:
    told = [Told(Person("shop", "7", f"ada@d{day}.example"), {}, AT + timedelta(days=day)) for day in (3, 1)]
    identify(told, source="shop")
    assert address(ada) == "ada@d3.example"


def test_an_address_of_somebody_else_is_listed_for_review_and_nothing_changes(ada: Customer) -> None:
    bob = Customer.objects.create(email=NEW)
    assert tell(NEW, days=1).conflicts == 1
    assert (address(ada), address(bob)) == (OLD, NEW)
    pair = DuplicatePair.objects.get()
    assert (pair.first, pair.second, pair.reason, pair.evidence) == (ada, bob, "address", NEW)


def test_of_two_who_are_told_the_same_address_one_gets_it_and_the_pair_is_listed(ada: Customer) -> None:
    tell("bob@old.example", days=0, id="8")
    told = [Told(Person("shop", id, NEW), {}, AT + timedelta(days=1)) for id in ("7", "8")]
    assert identify(told, source="shop").conflicts == 1
    assert Customer.objects.filter(email=NEW).get() == ada
    assert DuplicatePair.objects.count() == 1


def test_a_source_that_is_not_trusted_with_addresses_redirects_no_mail(
    ada: Customer, trusted: SourcePolicy
) -> None:
    consent.grant([ada.pk], source="double opt-in")
    trusted.delete()
    assert tell(NEW, days=1).conflicts == 0
    assert Customer.objects.consenting().get().email == OLD
    assert Customer.objects.get().attributes == {"told_email": NEW}


def test_an_address_that_is_theirs_is_no_longer_noted_as_told(ada: Customer, trusted: SourcePolicy) -> None:
    trusted.delete()
    tell(NEW, days=1)
    assert Customer.objects.get().attributes == {"told_email": NEW}
    SourcePolicy.objects.create(source="shop", changes_email=True)
    tell(NEW, days=2)
    changed = Customer.objects.get()
    assert (changed.email, changed.attributes) == (NEW, {})
    assert "attributes.told_email" not in changed.traits_at


def test_a_policy_does_not_let_a_source_change_addresses_by_itself(
    ada: Customer, trusted: SourcePolicy
) -> None:
    trusted.delete()
    SourcePolicy.objects.create(source="shop")
    tell(NEW, days=1)
    assert address(ada) == OLD


def test_an_address_of_somebody_else_is_listed_whoever_tells_it(ada: Customer, trusted: SourcePolicy) -> None:
    trusted.delete()
    Customer.objects.create(email=NEW)
    assert tell(NEW, days=1).conflicts == 1
    assert DuplicatePair.objects.get().evidence == NEW
    assert Customer.objects.get(pk=ada.pk).attributes == {}


def test_an_erased_address_is_taken_over_by_nobody(ada: Customer, settings: Settings, tmp_path: Path) -> None:
    settings.ERASURES_FILE, settings.PERSONAL_FILES = tmp_path / "erasures.jsonl", []
    erase(Customer.objects.create(email=NEW).pk, by=None, reason="asked")
    tell(NEW, days=1)
    assert address(ada) == OLD


def test_an_event_that_names_a_new_address_beside_the_id_changes_nothing(ada: Customer) -> None:
    resolve([Person("shop", "7", NEW)], source="shop")
    assert address(ada) == OLD


def test_who_confirms_a_former_address_gets_mail_there_and_the_grant_is_for_it(ada: Customer) -> None:
    tell(NEW, days=1)
    consent.grant([ada.pk], source="form")
    texts = {"marketing_email": consent.current_text("marketing_email").pk}
    asked = opt_in.ask(OLD, texts=texts, source="sign-up form")
    assert asked is not None
    opt_in.confirm(asked)
    assert Customer.objects.consenting().get().email == OLD
    assert CustomerIdentity.objects.get(namespace="email").value == NEW


def test_who_gets_a_first_address_is_told_to_the_listeners() -> None:
    visitor = resolve([Person("shop", "7")], source="shop").ids[Person("shop", "7")]
    Touched.objects.all().delete()
    resolve([Person("shop", "7", NEW)], source="shop")
    assert set(Touched.objects.values_list("customer_id", flat=True)) == {visitor}
