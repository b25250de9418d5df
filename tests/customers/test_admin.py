"""Every list and every page of the customers' admin opens, and searches use what an index can find."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.models import User
from connectors.models import Source
from customers.consent import current_text, grant, is_suppressed, suppress
from customers.ingest import EventIn, ingest
from customers.models import Consent, Customer, EventType, Order, Refund, Suppression, SyncRun
from products.catalogue import ProductRef
from products.models import Category, Product

pytestmark = pytest.mark.django_db
AT = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def boss(client):
    client.force_login(User.objects.create_superuser("boss@example.com", "x"))
    return client


@pytest.fixture
def shop():
    told = {"occurred_at": AT, "customer": "7", "email": "ann@example.com", "value_minor": 500, "order": "A"}
    ingest(
        [
            EventIn(
                client_id="1", line="1", type=EventType.ORDER_LINE, product=ProductRef("p", "P", "c"), **told
            ),
            EventIn(client_id="2", refund="R", type=EventType.ORDER_REFUNDED, **told),
        ],
        source="shop",
    )
    grant([Customer.objects.get().pk], source="form")
    suppress("bob@example.com", Suppression.Reason.MANUAL)
    SyncRun.objects.create(source="shop", started_at=AT)
    Source.objects.create(name="s", kind="file_drop", location="*.csv", mapping={})


@pytest.mark.parametrize(
    "model", [Customer, Order, Refund, Consent, Suppression, SyncRun, Product, Category, Source]
)
def test_lists_and_pages_open(boss, shop, model):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert boss.get(reverse(f"{name}_changelist"), {"q": "a"}).status_code == 200
    one = model.objects.get()
    assert boss.get(reverse(f"{name}_change", args=[one.pk])).status_code == 200


@pytest.mark.parametrize(("term", "hits"), [("ann@", 1), ("7", 1), ("nn@", 0), ("8", 0)])
def test_a_customer_is_found_by_beginning_of_address_or_whole_id(boss, shop, term, hits):
    page = boss.get(reverse("admin:customers_customer_changelist"), {"q": term})
    assert len(page.context["cl"].result_list) == hits


def test_a_source_with_a_wrong_mapping_is_refused(boss):
    page = boss.post(
        reverse("admin:connectors_source_add"),
        {"name": "x", "kind": "file_drop", "location": "*.csv", "mapping": '{"version": 2}'},
    )
    assert any("version" in error for error in page.context["adminform"].form.errors["mapping"])
    assert not Source.objects.exists()


def test_a_new_wording_is_stored_as_the_next_version_and_cannot_be_changed(boss):
    first = current_text("profiling")
    boss.post(
        reverse("admin:customers_consenttext_add"), {"purpose": "profiling", "wording": "Learn from me."}
    )
    assert (current_text("profiling").version, current_text("profiling").wording) == (2, "Learn from me.")
    page = boss.post(reverse("admin:customers_consenttext_change", args=[first.pk]), {"wording": "Sold!"})
    assert page.status_code == 403


def test_profiling_switched_off_by_hand_is_logged_as_an_answer(boss, shop):
    ann = Customer.objects.get()
    page = boss.get(reverse("admin:customers_customer_change", args=[ann.pk]))
    form = page.context["adminform"].form
    data = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    del data["allows_profiling"]
    for formset in page.context["inline_admin_formsets"]:
        data |= {f"{formset.formset.prefix}-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    data["attributes"] = "{}"
    boss.post(reverse("admin:customers_customer_change", args=[ann.pk]), data)
    ann.refresh_from_db()
    assert ann.allows_profiling is False
    assert ann.consent_records.values_list("purpose", "is_granted", "source").last() == (
        "profiling",
        False,
        "admin",
    )


@pytest.mark.parametrize("action", ["withdraw_consent", "suppress_addresses"])
def test_an_administrator_records_that_somebody_wants_no_mail(boss, shop, action):
    ann = Customer.objects.get(email="ann@example.com")
    grant([ann.pk], Consent.Purpose.MARKETING_EMAIL, source="test")
    chosen = {"action": action, "_selected_action": [ann.pk]}
    boss.post(reverse("admin:customers_customer_changelist"), chosen)
    is_granted = Consent.objects.get(purpose=Consent.Purpose.MARKETING_EMAIL).is_granted
    expected = {"withdraw_consent": (False, False), "suppress_addresses": (True, True)}
    assert (is_granted, is_suppressed(ann.email)) == expected[action]
