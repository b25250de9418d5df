"""Every page with a shop's data on it: clean for axe in both themes, silent, and within a phone's width."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Page, expect

from campaigns.models import CouponCode, CouponPool
from campaigns.publishing import save_block
from campaigns.sending import send_due
from common.clock import now
from common.navigation import MAIN
from customers import consent
from customers.duplicates import find_duplicates
from customers.ingest import EventIn, ingest
from customers.models import (
    Customer,
    DataSource,
    DuplicatePair,
    EventType,
    QuarantinedRow,
    Reconciliation,
    Score,
    SyncRun,
)
from customers.quality.alerts import raise_alert
from customers.quality.figures import tell_field_uses
from delivery.models import Dispatch, MailboxMessage, Message, MessageEvent, Sender
from products.catalogue import ProductRef
from products.models import Product
from recommendations.models import ModelVersion, PopularProducts, Recommendation
from reports.upkeep import bring_up_to_date
from segments.models import Segment, SegmentMembership
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.campaigns.journeys.going import journey
from tests.campaigns.making import draft, launched, people

PEOPLE = ("Ada Byron", "Grace Hopper", "Emmy Noether", "Lise Meitner", "Mary Somerville")
GOODS = ("Tent for two", "Sleeping bag, three seasons", "Climbing rope 60 m", "Head torch", "Gas stove")
RAW = b"From: Shop <shop@example.com>\nSubject: Spring\nContent-Type: text/plain\n\nHello Ada\n"


def difference(mean: float) -> dict[str, float | str]:
    low, high = mean - 0.012, mean + 0.012
    verdict = "better" if low > 0 else "no difference shown"
    return {"mean": mean, "low": low, "high": high, "confidence": 0.95, "verdict": verdict}


def judged(gain: float) -> dict[str, object]:
    values = {"ndcg@10": 0.062 + gain, "recall@10": 0.081 + gain, "hit_rate@10": 0.31, "coverage": 0.42}
    against = {"ndcg": difference(gain), "recall": difference(gain)}
    return {"users": 1284, **values, "against_popularity": against}


@pytest.fixture
def shop(transactional_db: None) -> Iterator[Customer]:
    """A small shop in which every page has something to show; the customer is the one with most of it."""
    for number, name in enumerate(PEOPLE):
        ingest([_order(number, name, day) for day in range(3)] + [_view(number)], source="shop")
    ada = Customer.objects.get(email="ada@example.com")
    consent.grant([ada.pk], source="the sign-up form")
    consent.suppress("grace@example.com", "hard_bounce")
    _runs()
    _model(ada)
    _mail(ada)
    _campaign()
    _content()
    _duplicates(ada)
    segment = Segment.objects.create(
        key="in-leeds", name="Lives in Leeds", condition={"attribute": "city", "value": "Leeds"}
    )
    SegmentMembership.objects.create(segment=segment, customer=ada, entered_at=now())
    Score.objects.create(
        customer=ada,
        kind="engagement",
        value=0.71,
        percentile=93,
        model_version="formula 1",
        computed_at=now(),
    )
    bring_up_to_date()
    yield ada


def _order(number: int, name: str, day: int) -> EventIn:
    first, _, last = name.partition(" ")
    goods = GOODS[(number + day) % len(GOODS)]
    return EventIn(
        client_id=f"o{number}-{day}",
        line="1",
        type=EventType.ORDER_LINE,
        occurred_at=now() - timedelta(days=9 * day + number, hours=1),
        customer=f"c{number}",
        email=f"{first.lower()}@example.com",
        profile={"first_name": first, "last_name": last, "country": "GB", "city": "Leeds"},
        order=f"o{number}-{day}",
        product=ProductRef(goods, name=goods, category="outdoor/gear", price_minor=4950),
        quantity=1,
        value_minor=4950,
        currency="GBP",
    )


def _view(number: int) -> EventIn:
    return EventIn(
        client_id=f"v{number}",
        type=EventType.PRODUCT_VIEWED,
        occurred_at=now() - timedelta(hours=number + 1),
        customer=f"c{number}",
        product=ProductRef(GOODS[0], name=GOODS[0], category="outdoor/gear"),
    )


def _runs() -> None:
    values = {"source": "shop", "started_at": now() - timedelta(hours=2), "finished_at": now()}
    refused = {"no_customer": 130, "bad_email": 12, "currency_differs_from_order": 3, "bad_date": 1}
    SyncRun.objects.create(
        status="succeeded", rows_in=81_300, inserted=81_054, duplicates=100, rejected=refused, **values
    )
    SyncRun.objects.create(status="failed", rows_in=10, inserted=9, error="The file ended early.", **values)
    _quality()


def _quality() -> None:
    """A late source, one worth a look, rows in quarantine, an alert, a comparison that found something."""
    DataSource.objects.create(name="source:till", due_every=timedelta(minutes=15))
    found = [
        {"level": "warn", "about": "columns", "sentence": "Column country disappeared."},
        {"level": "note", "about": "columns", "sentence": "Column land is new."},
    ]
    for name, hours, findings in (("source:till", 70, []), ("newsletter", 5, found)):
        at = now() - timedelta(hours=hours)
        SyncRun.objects.create(
            source=name, status="succeeded", started_at=at, rows_in=900, inserted=900, findings=findings
        )
    cells = [
        ["id", "17"],
        ["buyer", "b17"],
        ["mail", "ann@example"],
        ["country", "Eire"],
        ["amount", "12.50"],
    ]
    for number, reason in enumerate(("bad_email", "country is not a country code", "bad_email"), start=1):
        QuarantinedRow.objects.create(
            source="newsletter", number=number, reason=reason, raw=cells, fingerprint=bytes([number])
        )
    tell_field_uses("rule_set", [(1, "Rules: hero", ["first_name", "birth_date", "attributes.club"])])
    raise_alert(
        "source:source:till:late",
        severity="danger",
        title="source:till is late",
        body="Its data is 2 days old: it should be read every 15 minutes, and was last read well 2 days ago.",
    )
    Reconciliation.objects.create(
        source="shop",
        state="done",
        finished_at=now(),
        result={
            "rows": 900,
            "refused": {"bad_email": 2},
            "told": 898,
            "matched": 896,
            "repeated": 0,
            "expired": 0,
            "differing": 0,
            "not_stored": 2,
            "not_stored_keys": ["A17 1", "A18 1"],
            "not_told": 0,
            "not_told_keys": [],
            "days_count": 1,
            "days": [
                {"day": "2026-02-02", "told": 44, "stored": 42, "told_minor": 99_000, "stored_minor": 95_150}
            ],
            "columns": ["country"],
            "is_equal": False,
        },
    )


def _model(customer: Customer) -> None:
    goods = list(Product.objects.order_by("pk").values_list("pk", flat=True))
    tasks = {"all": judged(0.018), "discover": judged(0.004)}
    plain = {task: {**judged(0), "against_popularity": {}} for task in tasks}
    version = ModelVersion.objects.create(
        engine="blend",
        number=3,
        status="champion",
        started_at=now() - timedelta(hours=3),
        finished_at=now() - timedelta(hours=2),
        data_from=now() - timedelta(days=300),
        data_until=now(),
        verdict="LightFM blended with item neighbours beats popularity on all purchases: NDCG@10 0.080 against 0.062.",
        metrics={"k": 10, "test_days": 28, "popularity": plain, "blend": tasks, "item_knn": tasks},
    )
    ModelVersion.objects.create(
        engine="blend",
        number=2,
        status="failed",
        started_at=now() - timedelta(days=1),
        verdict="ValueError: no data",
    )
    scores = [1 / (place + 1) for place in range(len(goods))]
    PopularProducts.objects.create(country="", product_ids=goods, scores=scores, computed_at=now())
    PopularProducts.objects.create(country="GB", product_ids=goods[::-1], scores=scores, computed_at=now())
    row = {"product_ids": goods[:3], "scores": scores[:3], "computed_at": now()}
    Recommendation.objects.create(customer=customer, model_version=version, **row)


def _mail(customer: Customer) -> None:
    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="shop@example.com")
    message = Message.objects.create(
        dispatch=Dispatch.objects.create(name="Spring", sender=sender),
        customer=customer,
        state="sent",
        subject="Spring is here",
        recipient=customer.email,
        sent_at=now(),
        provider_id="m1",
    )
    MailboxMessage.objects.create(key="m1", recipient=customer.email, subject="Spring is here", raw=RAW)
    MessageEvent.objects.create(message=message, kind="opened", occurred_at=now(), dedupe_key="d1")


def _campaign() -> None:
    """A campaign on its way to sixty people: sent, some opened, fewer clicked, a few bought; and a draft."""
    readers = people(60)
    campaign, _ = launched("Winter sale", no_mail=10)
    send_due(campaign.dispatch.pk)
    mails = list(Message.objects.filter(customer__in=readers).order_by("pk"))
    MessageEvent.objects.bulk_create(
        MessageEvent(message=mail, kind=kind, occurred_at=now(), dedupe_key=f"{kind}{mail.pk}", **link)
        for kind, every, link in (("opened", 2, {}), ("clicked", 5, {"link_index": 0}))
        for mail in mails[::every]
    )
    ingest([_bought(reader) for reader in readers[::7]], source="shop")
    draft("Spring sale")


def _content() -> None:
    """A block, a pool of coupons, a mail that nobody knows about, and a journey."""
    save_block(
        key="offer", name="Offer", mjml="<mj-text>Everything for the tent, ten per cent off.</mj-text>"
    )
    pool = CouponPool.objects.create(key="spring", name="Spring")
    CouponCode.objects.bulk_create(CouponCode(pool=pool, code=f"SPRING-{number}") for number in range(5))
    lost = Message.objects.filter(state="sent", recipient__startswith="c").order_by("pk")[:1]
    Message.objects.filter(pk__in=lost).update(
        state="unknown", reason="the provider did not answer", handed_over_at=now()
    )
    journey()


def _duplicates(ada: Customer) -> None:
    """A pair that waits for a decision, and one that was merged into the customer."""
    born = {"birth_date": date(1990, 5, 1), "country": "GB"}
    Customer.objects.create(first_name="Jon", last_name="Smith", email="jon@example.com", **born)
    Customer.objects.create(first_name="John", last_name="Smith", city="Cork", **born)
    find_duplicates()
    visitor = EventIn(client_id="visitor", type=EventType.PAGE_VIEWED, occurred_at=now(), anonymous="cookie")
    signed_in = EventIn(
        client_id="signed-in",
        type=EventType.PAGE_VIEWED,
        occurred_at=now(),
        email=str(ada.email),
        anonymous="cookie",
    )
    ingest([visitor], source="shop")
    ingest([signed_in], source="shop")


def _bought(customer: Customer) -> EventIn:
    return EventIn(
        client_id=f"w{customer.pk}",
        line="1",
        type=EventType.ORDER_LINE,
        occurred_at=now(),
        customer_id=customer.pk,
        order=f"w{customer.pk}",
        quantity=1,
        value_minor=4_950,
        currency="GBP",
    )


def addresses(customer: Customer) -> dict[str, str]:
    """All pages of the navigation that there are, and the pages behind them."""
    found = {}
    for item in MAIN:
        try:
            found[item.url_name.replace(":", "-")] = reverse(item.url_name)
        except NoReverseMatch:
            continue
    return found | {
        "customer": reverse("reports:customer", args=[customer.public_id]),
        "duplicates": reverse("customers:duplicates"),
        "duplicate": reverse("customers:duplicate", args=[DuplicatePair.objects.get().pk]),
        "look-up": reverse("recommendations:look_up") + "?q=",
        "inspect": reverse("recommendations:inspect", args=[customer.public_id]),
        "mailbox-message": reverse(
            "delivery:mailbox_message", args=[MailboxMessage.objects.get(key="m1").pk]
        ),
        "campaign": reverse("campaigns:detail", args=["winter-sale"]),
        "campaign-draft": reverse("campaigns:detail", args=["spring-sale"]),
        "campaign-new": reverse("campaigns:new"),
        "unknown": reverse("delivery:unknown"),
        "blocks": reverse("campaigns:blocks"),
        "block": reverse("campaigns:block", args=["offer"]),
        "coupons": reverse("campaigns:coupons"),
        "coupon": reverse("campaigns:coupon", args=["spring"]),
        "message": reverse("campaigns:message", args=[Message.objects.exclude(resolved=None)[0].pk]),
        "journeys": reverse("campaigns:journeys"),
        "journey": reverse("campaigns:journey", args=["cart"]),
        "template": reverse("campaigns:template", args=["treatment"]),
        "template-edit": reverse("campaigns:template_edit", args=["treatment"]),
        "experiment": reverse("reports:experiment", args=["winter-sale"]),
        "report-campaign": reverse("reports:campaign", args=["winter-sale"]),
        "report-cohorts": reverse("reports:report", args=["cohorts"]),
        "report-settings": reverse("reports:settings"),
        "quarantine": reverse("customers:quarantine"),
        "quarantined-row": reverse("customers:quarantined_row", args=[QuarantinedRow.objects.all()[0].pk]),
        "alerts": reverse("customers:alerts"),
        "reconciliation": reverse("customers:reconciliation", args=[Reconciliation.objects.get().pk]),
        "nobody-found": reverse("customers:list") + "?q=zzz",
    }


def visit(page: Page, address: str) -> None:
    response = page.goto(address)
    assert response and response.status == 200, address
    expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0)
    page.evaluate("document.fonts.ready")


def test_every_page_is_clean_for_axe_in_both_themes(
    page: Page, shop: Customer, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    found = {}
    for name, address in addresses(shop).items():
        visit(page, address)
        found[name] = axe(page)
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"{name}-{theme}")
    assert {name: findings for name, findings in found.items() if findings} == {}
    assert complaints == []


def test_nothing_of_any_page_sticks_out_on_a_phone(
    page: Page, shop: Customer, screenshot: Screenshot
) -> None:
    page.set_viewport_size(PHONE)
    wide = {}
    for name, address in addresses(shop).items():
        visit(page, address)
        wide[name] = wide_elements(page)
        screenshot(page, f"{name}-phone")
    assert {name: elements for name, elements in wide.items() if elements} == {}


def test_every_page_of_an_empty_house_is_clean_for_axe(
    page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    for name in (
        "customers:list",
        "customers:data",
        "customers:quarantine",
        "customers:alerts",
        "customers:duplicates",
        "customers:privacy",
        "recommendations:overview",
        "delivery:unknown",
        "campaigns:blocks",
        "campaigns:coupons",
        "campaigns:journeys",
    ):
        visit(page, reverse(name))
        assert axe(page) == []
        screenshot(page, f"{name.replace(':', '-')}-empty")
    assert complaints == []


def test_training_is_asked_for_and_its_progress_shown(page: Page, shop: Customer) -> None:
    visit(page, reverse("recommendations:overview"))
    page.get_by_role("button", name="Train now").click()
    page.get_by_role("dialog").get_by_role("button", name="Train").click()
    expect(page.get_by_text("Waiting for the worker that trains")).to_be_visible()
    expect(page.get_by_role("button", name="Train now")).to_have_count(0)


def test_a_customer_is_found_by_keyboard(page: Page, shop: Customer) -> None:
    visit(page, reverse("customers:list"))
    page.get_by_label("Find by address or id").fill("ada@")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Ada Byron").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ada Byron")
