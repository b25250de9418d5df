"""The pages of people's rights, for administrators and for the people themselves."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts import audit
from common import tokens
from common.clock import now
from customers import consent, opt_in, privacy_requests
from customers.models import Customer, Purpose
from delivery import tracking
from delivery.models import Dispatch, Message, Sender
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements


@pytest.fixture
def ada(transactional_db: None) -> Customer:
    ada = Customer.objects.create(email="ada@example.com", first_name="Ada", last_name="Byron")
    for purpose in Purpose:
        consent.grant(
            [ada.pk],
            purpose,
            source="sign-up form",
            proof="double opt-in 7",
            text=consent.current_text(purpose),
        )
    consent.withdraw([ada.pk], Purpose.OPEN_TRACKING, source="preference page", proof="message 12")
    late = now() - timedelta(days=40)
    note = "Wants to know where we had her address from."
    privacy_requests.log_request(
        "access", source="letter", customer=ada, contact="ada@example.com", note=note, received_at=late
    )
    privacy_requests.opt_out_of_sale([ada.pk], source="Global Privacy Control")
    audit.record(None, "exported a person", ada, detail="json")
    return ada


def addresses(ada: Customer) -> dict[str, str]:
    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="shop@example.com")
    dispatch = Dispatch.objects.create(name="Spring", sender=sender)
    message = Message.objects.create(dispatch=dispatch, customer=ada, recipient="ada@example.com")
    texts = {"marketing_email": consent.current_text("marketing_email").pk}
    asked = opt_in.ask("new@example.com", texts=texts, source="form")
    assert asked is not None
    of_message = {
        name: reverse(f"delivery:{name}", args=[tokens.sign(purpose, message.pk)])
        for name, purpose in (
            ("unsubscribe", tracking.PURPOSE_UNSUBSCRIBE),
            ("preferences", tracking.PURPOSE_PREFERENCES),
        )
    }
    return of_message | {
        "privacy": reverse("customers:privacy"),
        "rights": reverse("customers:rights", args=[ada.public_id]),
        "audit": reverse("accounts:audit"),
        "sign-up": reverse("delivery:sign_up"),
        "confirm": reverse("delivery:confirm", args=[opt_in.token_of(asked)]),
    }


def test_the_pages_of_rights_are_clean_and_fit_a_phone(
    page: Page, ada: Customer, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    found, wide = {}, {}
    pages = addresses(ada)
    for name, address in pages.items():
        page.goto(address)
        found[name] = axe(page)
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"{name}-{theme}")
    page.set_viewport_size(PHONE)
    for name, address in pages.items():
        page.goto(address)
        wide[name] = wide_elements(page)
        screenshot(page, f"{name}-phone")
    assert {name: findings for name, findings in found.items() if findings} == {}
    assert {name: elements for name, elements in wide.items() if elements} == {}
    assert complaints == []


def test_a_person_is_erased_after_the_word_and_a_question(page: Page, ada: Customer) -> None:
    page.goto(reverse("customers:rights", args=[ada.public_id]))
    page.get_by_label("Type ERASE").fill("ERASE")
    page.get_by_role("button", name="Erase").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(page.get_by_text("Erased. The receipt is")).to_be_visible()
    assert Customer.objects.get().email is None
