"""Products are chosen when a mail is opened, and a link leads to what that opening showed."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Role, User
from campaigns.models import Opening, Shown
from campaigns.open_time.retention import delete_openings
from campaigns.showing import show_again
from common.clock import now
from customers.erasure import erase
from customers.models import Customer
from delivery.models import MessageEvent
from products.models import Product
from tests.campaigns.making import people, rules
from tests.campaigns.open_time.sending import (
    APPLE,
    SHELF,
    html,
    leads_to,
    opened,
    pictures,
    recommend,
    sent,
    shop,
)

pytestmark = pytest.mark.django_db


def shown_names() -> list[tuple[int, str, str]]:
    """What was shown: the place, the product's name, the verdict; in its order."""
    return [
        (one.place, (one.opening.card(one.slot, one.place) or {})["name"], one.verdict)
        for one in Shown.objects.order_by("pk").select_related("opening")
    ]


def test_the_mail_names_no_product_but_a_place_for_each() -> None:
    shop()
    message = sent()
    assert len(pictures()) == 2
    assert "Product 0" not in html()
    [shelf] = message.resolved["context"]["open_time"]
    assert [card["name"] for card in shelf["products"]] == ["Product 0", "Product 1"]
    assert 'alt="Picked for you"' in html()


def test_what_is_shown_is_what_fits_when_the_mail_is_opened() -> None:
    products = shop()
    sent()
    recommend(Customer.objects.get(), products[5], products[4])
    for picture in pictures():
        opened(picture)
    assert shown_names() == [(0, "Product 5", ""), (1, "Product 4", "")]
    assert [leads_to(picture) for picture in pictures()] == [products[5].url, products[4].url]


def test_pictures_of_one_opening_are_chosen_together() -> None:
    products = shop()
    sent()
    recommend(Customer.objects.get(), products[5], products[4])
    opened(pictures()[0])
    recommend(Customer.objects.get(), products[3], products[2])
    opened(pictures()[1])
    assert [one[1] for one in shown_names()] == ["Product 5", "Product 4"]
    assert Opening.objects.count() == 1


def test_a_later_opening_chooses_anew_and_links_follow_it() -> None:
    products = shop()
    sent()
    recommend(Customer.objects.get(), products[5], products[4])
    opened(pictures()[0])
    Opening.objects.update(decided_at="2026-01-01T00:00Z")
    recommend(Customer.objects.get(), products[3], products[2])
    first = opened(pictures()[0])
    assert leads_to(pictures()[0]) == products[3].url
    assert leads_to(pictures()[1]) == products[1].url, "never shown: as it was stored"
    products[3].delete()
    assert leads_to(pictures()[0]).endswith("/p3"), (
        "what was shown is stored, whatever becomes of the product"
    )
    assert opened(pictures()[0]) == first


def test_a_price_is_that_of_the_opening() -> None:
    products = shop()
    sent()
    Product.objects.filter(pk=products[0].pk).update(price_minor=77)
    opened(pictures()[0])
    assert Opening.objects.get().shelves[0][0]["price_minor"] == 77


def test_what_can_no_longer_be_bought_is_not_shown() -> None:
    products = shop()
    sent()
    Product.objects.filter(pk=products[0].pk).update(is_available=False)
    opened(pictures()[0])
    assert shown_names() == [(0, "Product 1", "")]


def test_apples_prefetch_counts_as_a_machines_but_is_what_its_reader_sees() -> None:
    products = shop()
    sent()
    recommend(Customer.objects.get(), products[5], products[4])
    opened(pictures()[0], agent=APPLE)
    assert shown_names() == [(0, "Product 5", "mail privacy prefetch")]
    assert leads_to(pictures()[0]) == products[5].url


def test_what_a_scanner_fetched_nobody_saw() -> None:
    products = shop()
    sent()
    recommend(Customer.objects.get(), products[5], products[4])
    opened(pictures()[0], agent="Barracuda Sentinel")
    assert Shown.objects.get().verdict == "user agent of a program"
    assert leads_to(pictures()[0]) == products[0].url


def test_asking_for_headers_chooses_and_notes_nothing() -> None:
    shop()
    sent()
    response = Client().head(pictures()[0])
    assert (response.status_code, response["Content-Type"], response.content) == (200, "image/png", b"")
    assert not Opening.objects.exists()


def test_a_picture_has_to_be_asked_for_each_time_and_is_sent_once() -> None:
    shop()
    sent()
    client = Client(headers={"user-agent": "Thunderbird"})
    response = client.get(pictures()[0])
    assert response["Cache-Control"] == "private, no-cache, max-age=0"
    again = client.get(pictures()[0], headers={"if-none-match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Shown.objects.count() == 2


def test_without_leave_to_note_openings_it_shows_what_was_stored_and_notes_nothing(
    settings: Settings,
) -> None:
    products = shop()
    sent()
    settings.TRACKING_NEEDS_CONSENT = True
    recommend(Customer.objects.get(), products[5], products[4])
    opened(pictures()[0])
    assert not Opening.objects.exists()
    assert leads_to(pictures()[0]) == products[0].url


def test_who_objects_to_profiling_sees_bestsellers() -> None:
    products = shop()
    sent()
    recommend(Customer.objects.get(), products[5], products[4])
    Customer.objects.update(allows_profiling=False)
    opened(pictures()[0])
    assert shown_names() == [(0, "Product 0", "")]


def test_the_arm_without_personalisation_sees_bestsellers_too() -> None:
    products = shop()
    sent(arm="a")
    recommend(Customer.objects.get(), products[5], products[4])
    opened(pictures()[0])
    assert shown_names() == [(0, "Product 0", "")]


def test_what_rules_exclude_is_not_shown_either() -> None:
    products = shop()
    rules(otherwise={"exclude": {"products": ["p5"]}})
    sent('{% slot "hero" %}{% endslot %}' + SHELF)
    recommend(Customer.objects.get(), products[5], products[4], products[3])
    opened(pictures()[0])
    assert shown_names() == [(0, "Product 4", "")]


def test_no_product_is_shown_that_the_mail_shows_anyway() -> None:
    products = shop()
    fixed = "{% recommendations k: 1 %}<mj-text>[{{ product.name }}]</mj-text>{% endrecommendations %}"
    people(1)
    recommend(Customer.objects.get(), products[5], products[4], products[3])
    sent(fixed + SHELF)
    assert "[Product 5]" in html()
    opened(pictures()[0])
    assert shown_names() == [(0, "Product 4", "")]


def test_without_products_the_words_after_else_are_sent() -> None:
    message = sent()
    assert "[Come and see]" in html()
    assert message.resolved["fallbacks"] == {"recommendations": 1}


def test_clicks_are_counted_and_then_lead_on() -> None:
    products = shop()
    sent()
    opened(pictures()[0])
    click = re.search(r'href="[^"]*(/t/c/[^"]+)"', html())
    assert click
    first = Client(headers={"user-agent": "Thunderbird"}).get(click[1])
    assert first["Location"].endswith(pictures()[0].removesuffix(".png"))
    assert MessageEvent.objects.filter(kind="clicked").count() == 1
    assert leads_to(pictures()[0]) == products[0].url


@pytest.mark.parametrize("path", ["/o/nonsense/0/0.png", "/o/nonsense/0/0", "/o/shown/nonsense.png"])
def test_a_forged_address_leads_nowhere(path: str) -> None:
    assert Client().get(path).status_code == 404


def test_a_token_for_another_purpose_opens_nothing() -> None:
    shop()
    sent()
    [token] = {path.split("/")[2] for path in pictures()}
    assert Client().get(f"/t/o/{token}.gif").status_code == 404
    assert Client().get(f"/o/shown/{token}.png").status_code == 404


def test_a_place_that_the_mail_does_not_have_is_empty() -> None:
    shop()
    sent()
    beyond = pictures()[0].replace("/0/0.png", "/0/7.png")
    assert opened(beyond).startswith(b"\x89PNG")
    assert Client().get(beyond.removesuffix(".png")).status_code == 404
    assert Client().get(pictures()[0].replace("/0/0.png", "/9/0")).status_code == 404
    assert not Shown.objects.exists()


def test_nothing_is_left_of_somebody_erased() -> None:
    shop()
    sent()
    opened(pictures()[0])
    picture = pictures()[0]
    erase(Customer.objects.get().pk, by=None, reason="they asked")
    assert (Opening.objects.count(), Shown.objects.count()) == (0, 0)
    assert opened(picture).startswith(b"\x89PNG")
    assert Client().get(picture.removesuffix(".png")).status_code == 404


def test_old_openings_are_forgotten() -> None:
    products = shop()
    sent()
    recommend(Customer.objects.get(), products[5], products[4])
    opened(pictures()[0])
    assert delete_openings(now()) == 2
    assert leads_to(pictures()[0]) == products[0].url


def test_the_mail_is_shown_again_as_it_was_with_the_pictures_it_showed_last() -> None:
    products = shop()
    message = sent()
    recommend(Customer.objects.get(), products[5], products[4])
    drawn = opened(pictures()[0])
    assert show_again(message).is_identical is True
    client = Client()
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    frame = client.get(reverse("campaigns:message_html", args=[message.pk])).content.decode()
    assert "/o/" not in frame
    assert client.get(f"/messages/{message.pk}/shown/0/0.png").content == drawn
    assert Shown.objects.count() == 1
    assert Client().get(f"/messages/{message.pk}/shown/0/0.png").status_code == 302, "for colleagues only"
