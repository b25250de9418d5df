"""Coupon codes: each is given to one message, and never again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from campaigns.composing import compose
from campaigns.coupons import BadCode, add_codes, give
from campaigns.models import CouponCode, CouponPool
from campaigns.previewing import preview
from campaigns.sending import send_due
from campaigns.showing import show_again
from customers.models import Customer
from delivery import outbox
from delivery.mailbox import read_mail
from delivery.models import Dispatch, MailboxMessage, Message, Sender
from tests.campaigns.making import launched, letter, people

pytestmark = pytest.mark.django_db
BODY = '<mj-text>code:{{ coupons.spring | default: "WELCOME" }};</mj-text>'


def pool(*codes: str) -> CouponPool:
    """A pool of these codes."""
    made = CouponPool.objects.create(key="spring", name="Spring")
    add_codes(made, codes)
    return made


def shown() -> list[str]:
    """The code in each mail, in order."""
    mails = [read_mail(bytes(mail.raw)).html for mail in MailboxMessage.objects.all()]
    return sorted(html.partition("code:")[2].partition(";")[0] for html in mails)


def test_each_mail_shows_its_own_code_and_what_is_left_out_falls_back() -> None:
    pool("A1", "A2")
    people(3)
    _, counted = launched(body=BODY, baseline=BODY)
    send_due(counted.dispatch_id)
    assert shown() == ["A1", "A2", "WELCOME"]
    assert sorted(Message.objects.values_list("fallbacks", flat=True)) == [0, 0, 1]
    assert set(CouponCode.objects.values_list("message__state", flat=True)) == {"sent"}


def test_a_mail_written_again_shows_the_same_code() -> None:
    pool("A1", "A2", "A3")
    people(2)
    campaign, counted = launched(body=BODY, baseline=BODY)
    claimed = outbox.claim(counted.dispatch_id, limit=2)
    first = [one.mail.raw for one in compose(campaign.dispatch, claimed) if one.mail]
    given = dict(CouponCode.objects.exclude(message=None).values_list("message_id", "code"))
    again = [one.mail.raw for one in compose(campaign.dispatch, claimed) if one.mail]
    assert dict(CouponCode.objects.exclude(message=None).values_list("message_id", "code")) == given
    codes = [raw.partition(b"code:")[2].partition(b";")[0] for raw in first]
    assert [raw.partition(b"code:")[2].partition(b";")[0] for raw in again] == codes
    assert sorted(codes) == [b"A1", b"A2"]


def test_a_preview_uses_no_code_up() -> None:
    pool("A1")
    assert "code:SAMPLE-CODE;" in preview(letter("alone", BODY), customer_id=None).rendered.html
    assert not CouponCode.objects.exclude(message=None).exists()


def test_a_mail_shown_again_has_the_code_that_it_had() -> None:
    pool("A1")
    people(1)
    _, counted = launched(body=BODY, baseline=BODY)
    send_due(counted.dispatch_id)
    again = show_again(Message.objects.get())
    assert (again.is_identical, b"code:A1;" in again.raw) == (True, True)


def test_a_template_that_names_no_pool_of_ours_is_warned_about() -> None:
    assert letter("alone", BODY).findings[0]["message"] == "Nothing provides the variable coupons.spring."
    pool("A1")
    assert letter("other", BODY).findings == []


@pytest.mark.django_db(transaction=True)
def test_workers_that_meet_give_no_code_twice() -> None:
    pool(*(f"C{number:03}" for number in range(60)))
    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    dispatch = Dispatch.objects.create(name="News", sender=sender)
    customers = Customer.objects.bulk_create(Customer(email=f"c{n}@example.com") for n in range(60))
    made = Message.objects.bulk_create(Message(dispatch=dispatch, customer=one) for one in customers)
    parts = [[one.pk for one in made[start : start + 15]] for start in range(0, 60, 15)]

    def work(part: list[int]) -> dict[int, dict[str, str]]:
        try:
            return give({pk: ["spring"] for pk in part})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        codes = [one["spring"] for given in workers.map(work, parts) for one in given.values()]
    assert len(codes) == len(set(codes)) == 60


def test_adding_codes_twice_adds_them_once_and_a_bad_one_adds_none() -> None:
    spring = pool("A1")
    assert add_codes(spring, ["A1", "", " A2 ", "A2"]) == 1
    with pytest.raises(BadCode, match="Line 2: a code has up to 100 characters"):
        add_codes(spring, ["A3", "x" * 101])
    assert sorted(spring.codes.values_list("code", flat=True)) == ["A1", "A2"]


def test_a_pool_is_made_and_filled_on_its_pages(client: Client) -> None:
    client.force_login(User.objects.create_user("mo@example.com", role=Role.MARKETER))
    assert "No coupon codes yet" in client.get(reverse("campaigns:coupons")).content.decode()
    client.post(reverse("campaigns:coupon_new"), {"name": "Spring", "key": "spring"})
    url = reverse("campaigns:coupon", args=["spring"])
    assert "No code is left" in client.get(url).content.decode()
    assert "2 new codes" in client.post(url, {"codes": "A1\nA2"}, follow=True).content.decode()
    answer = client.post(url, {"codes": "B1\n" + "x" * 101})
    assert "Line 2: a code has up to 100 characters" in answer.content.decode()
    assert CouponCode.objects.count() == 2
