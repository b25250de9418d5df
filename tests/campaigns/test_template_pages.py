"""What the pages of templates make of odd addresses, and of two people who write at once."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from campaigns.models import TemplateVersion
from tests.campaigns.making import BODY, LETTER, letter, people

pytestmark = pytest.mark.django_db
DIGITS = "9" * 5_000


@pytest.fixture
def marketer(client: Client) -> Client:
    client.force_login(User.objects.create_user("ada@example.com", role="marketer", name="Ada"))
    return client


@pytest.mark.parametrize("customer", ["99999999", DIGITS, "9" * 18, "-1", "x", "\0", "½"])
def test_a_preview_for_nobody_is_not_found(marketer: Client, customer: str) -> None:
    address = reverse("campaigns:template_preview", args=[letter("spring").pk])
    assert marketer.get(address, {"customer": customer}).status_code == 404


def test_a_preview_for_somebody_is_theirs(marketer: Client) -> None:
    [anna] = people(1, first_name="Anna")
    version = letter("spring", "<mj-text>Hello {{ customer.first_name | default: 'you' }}</mj-text>")
    address = reverse("campaigns:template_preview", args=[version.pk])
    assert "Hello Anna" in marketer.get(address, {"customer": anna.pk}).content.decode()
    assert "Hello you" in marketer.get(address).content.decode()


@pytest.mark.parametrize("query", [{"version": DIGITS}, {"version": "x"}, {"customer": "\0"}])
def test_an_odd_address_shows_the_newest_version(marketer: Client, query: dict[str, str]) -> None:
    version = letter("spring")
    response = marketer.get(reverse("campaigns:template", args=["spring"]), query)
    assert (response.status_code, response.context["version"]) == (200, version)


def test_the_mailbox_looks_for_a_character_that_no_mail_holds(marketer: Client) -> None:
    assert marketer.get("/mailbox/", {"q": "\0"}).status_code == 200


def save(marketer: Client, subject: str, base: int) -> object:
    """Post the editor's form as it was opened at version `base`."""
    written = {"name": "Spring", "subject": subject, "mjml": LETTER.format(body=BODY), "base": base}
    return marketer.post(reverse("campaigns:template_edit", args=["spring"]), written)


def test_the_second_of_two_writers_is_told_before_anything_is_stored(marketer: Client) -> None:
    letter("spring")
    assert save(marketer, "Newer", 1).status_code == 302
    page = save(marketer, "Other", 1)
    assert "Ada saved version 2 while you were writing." in page.content.decode()
    assert "Other" in page.content.decode()
    assert TemplateVersion.objects.count() == 2
    assert save(marketer, "Other", page.context["form"]["base"].value()).status_code == 302
    assert TemplateVersion.objects.get(number=3).subject == "Other"


def test_a_preview_is_looked_at_in_two_widths_and_in_the_dark(marketer: Client) -> None:
    version = letter("spring", subject="Hello {{ customer.first_name | default: 'you' }}")
    page = reverse("campaigns:template", args=["spring"])
    for look in ("desktop", "phone", "dark"):
        assert f"mail-frame-{look}" in marketer.get(page, {"look": look}).content.decode()
    odd = marketer.get(page, {"look": "odd"}).content.decode()
    assert "mail-frame-desktop" in odd
    assert "Hello you" in odd
    frame = reverse("campaigns:template_preview", args=[version.pk])
    assert "invert(1)" in marketer.get(frame, {"look": "dark"}).content.decode()
    assert "invert(1)" not in marketer.get(frame).content.decode()
