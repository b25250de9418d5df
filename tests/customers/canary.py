"""A person with a trace in every table and file, whose words can be searched for everywhere."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache

from accounts import audit
from accounts.models import User
from campaigns.coupons import add_codes
from campaigns.models import (
    Campaign,
    CouponPool,
    JourneyBell,
    Opening,
    PreflightExample,
    PreflightFinding,
    PreflightRun,
    SendingHabit,
    Shown,
)
from campaigns.sending import send_due
from customers import consent, privacy_requests
from customers.engagement import refresh_engagement
from customers.ingest import EventIn, ingest
from customers.models import (
    Customer,
    DuplicatePair,
    EventType,
    FactsBaseline,
    OptIn,
    Order,
    Purpose,
    QuarantinedRow,
    SyncRun,
)
from delivery.models import Message, MessageEvent, WebhookReceipt
from delivery.recording import record_message_events
from products.catalogue import ProductRef
from recommendations.external.models import ExternalRecommendation
from recommendations.models import ModelVersion, Recommendation
from reports.models import Attribution, MessageFact, MessagePart
from segments import membership
from segments.models import ListedCustomer, ListFill, MembershipChange, Segment, StageChange
from tests.campaigns.journeys.going import HOUR, enrol, journey, walk
from tests.campaigns.making import launched

EMAIL = "canary.bird@example.com"
WORDS = (
    "canary",
    "Xanthippe",
    "Quetzalcoatl",
    "1887-04-05",
    "cust-90210",
    "anon-4711",
    "order-31337",
    "refund-666",
    "session-5150",
    "Ouagadougou",
    "engraved",
    "KanarienBrowser",
    "esp-777",
)
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
TRAITS = {
    "first_name": "Xanthippe",
    "last_name": "Quetzalcoatl",
    "country": "GB",
    "city": "Ouagadougou",
    "birth_date": "1887-04-05",
    "attributes": {"nickname": "canary"},
}


def behave(customer: str, email: str, *, traits: dict[str, object] = TRAITS) -> list[EventIn]:
    """An order, a refund, a view and a search of one customer."""
    who = {"customer": customer, "email": email, "profile": traits, "occurred_at": AT}
    goods = ProductRef("tent", name="Tent", category="camping", price_minor=100)
    is_canary = customer == "cust-90210"
    order, refund, session = (
        ("order-31337", "refund-666", "session-5150") if is_canary else ("order-1", "refund-1", "session-1")
    )
    said, query = ("Tent, engraved for Xanthippe", "canary food") if is_canary else ("Tent", "dog food")
    return [
        EventIn(
            client_id=f"v-{customer}",
            type=EventType.PRODUCT_VIEWED,
            product=goods,
            session=session,
            **who,
        ),
        EventIn(
            client_id=f"o-{customer}",
            line="canary-line" if is_canary else "1",
            type=EventType.ORDER_LINE,
            order=order,
            product=goods,
            description=said,
            quantity=2,
            value_minor=200,
            currency="GBP",
            **who,
        ),
        EventIn(
            client_id=f"r-{customer}",
            type=EventType.ORDER_REFUNDED,
            order=order,
            refund=refund,
            value_minor=50,
            currency="GBP",
            **who,
        ),
        EventIn(client_id=f"s-{customer}", type=EventType.SEARCHED, properties={"query": query}, **who),
    ]


def make(user: User) -> Customer:
    """The canary: events, ids, consent, scores, a mail with what came back, requests, audit, logs and files."""
    seen = {"type": EventType.PAGE_VIEWED, "occurred_at": AT, "anonymous": "anon-4711"}
    ingest([EventIn(client_id="a1", properties={"page": "canary seed"}, **seen)], source="shop")
    ingest(behave("cust-90210", EMAIL), source="shop")
    ingest([EventIn(client_id="a2", customer="cust-90210", **seen)], source="shop")
    canary = Customer.objects.get(email=EMAIL)
    for purpose in Purpose:
        consent.grant(
            [canary.pk], purpose, source="form of canary", proof="ticked", text=consent.current_text(purpose)
        )
    privacy_requests.log_request(
        "access", source="by hand", customer=canary, contact=EMAIL, note="Xanthippe wrote"
    )
    privacy_requests.log_request("access", source="by hand", contact=EMAIL, note="before we knew the canary")
    texts = {"marketing_email": consent.current_text("marketing_email").pk}
    OptIn.objects.create(email=EMAIL, texts=texts, source="form", asked_at=AT, expires_at=AT)
    refresh_engagement(AT)
    _segment(canary)
    _recommend(canary)
    _mail(canary)
    _journey(canary)
    _doubts(canary)
    _logs(canary, user)
    _files()
    return canary


def _segment(canary: Customer) -> None:
    segment = Segment.objects.create(
        key="all-british", name="British people", condition={"attribute": "country", "value": "GB"}
    )
    membership.refresh(segment, cause="edit")
    MembershipChange.objects.get_or_create(segment=segment, customer=canary, kind="entered", cause="edit")
    listed = Segment.objects.create(
        key="guests", name="Guests", kind=Segment.Kind.STATIC, condition={"all": []}
    )
    ListedCustomer.objects.create(segment=listed, customer=canary)
    ListFill.objects.create(
        segment=listed, name="guests.csv", lines=1, matched=0, unknown_count=1, unknown=f"{EMAIL},nobody\r\n"
    )
    StageChange.objects.create(customer=canary, to_stage="active", cause="event")


def _recommend(canary: Customer) -> None:
    version = ModelVersion.objects.create(engine="blend", number=1, status="champion", started_at=AT)
    Recommendation.objects.create(
        customer=canary, model_version=version, product_ids=[1], scores=[1.0], computed_at=AT
    )
    ExternalRecommendation.objects.create(customer=canary, product_ids=[1], version="1", computed_at=AT)


def _mail(canary: Customer) -> Campaign:
    link = "<a href='https://shop.example/?who={{ customer.email }}'>go</a>"
    body = f"<mj-text>Dear {{{{ customer.first_name }}}}, {{{{ coupons.spring }}}} {link}</mj-text>"
    add_codes(CouponPool.objects.create(key="spring", name="Spring"), [f"C{number}" for number in range(50)])
    campaign, counted = launched(body=body, baseline=body)
    send_due(counted.dispatch_id)
    message = Message.objects.get(customer=canary)
    event = {"message": message, "occurred_at": AT, "user_agent": "KanarienBrowser", "raw": {"to": EMAIL}}
    MessageEvent.objects.create(kind="clicked", dedupe_key="esp-777", **event)
    record_message_events()
    for number, linked in enumerate((message, None)):
        WebhookReceipt.objects.create(
            provider="Mailgun",
            event_key=f"esp-777-{number}",
            kind="opened",
            raw={"recipient": EMAIL},
            message=linked,
        )
    run = PreflightRun.objects.create(campaign=campaign, seal="s")
    finding = PreflightFinding.objects.create(run=run, kind="cannot_be_written", count=1)
    PreflightExample.objects.create(
        finding=finding, customer=canary, variant_key="a", said=f"{EMAIL} is in vain"
    )
    SendingHabit.objects.create(customer=canary, hour=9, reactions=1)
    opening = Opening.objects.create(message=message, shelves=[[{"name": "Seed for Xanthippe"}]])
    Shown.objects.create(opening=opening, slot=0, place=0)
    _report(message)
    return campaign


def _report(message: Message) -> None:
    order = Order.objects.get(customer=message.customer_id)
    of_message = {"message": message, "dispatch": message.dispatch}
    MessageFact.objects.create(**of_message, domain="example.com", sent_on=AT.date())
    MessagePart.objects.create(message=message, dimension="rule", key="greeting")
    Attribution.objects.create(
        **of_message, order=order, day=AT.date(), touched_at=AT, order_parts=10**6, revenue_minor=150
    )


def _journey(canary: Customer) -> None:
    """A way through a journey, a call that waits, and news that it listens to."""
    steps = [{"name": "tell", "webhook": {"url": "https://shop.example/hook"}}, HOUR]
    secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    way = journey({"trigger": {"event": "product_added"}, "steps": steps}, webhook_secret=secret)
    enrol(way, canary)
    walk(way)
    JourneyBell.objects.create(customer=canary, changed=1, since=AT)


def _doubts(canary: Customer) -> None:
    """A pair that may be one person, counts of dropped events, and a row that was refused."""
    other = Customer.objects.exclude(pk=canary.pk).earliest("pk")
    DuplicatePair.objects.create(first=other, second=canary, reason="name", evidence="Xanthippe Quetzalcoatl")
    FactsBaseline.objects.create(customer=canary)
    QuarantinedRow.objects.create(
        source="shop", number=7, reason="bad_time", raw=[["email", EMAIL]], fingerprint=b"7"
    )


def _logs(canary: Customer, user: User) -> None:
    audit.record(user, "saw a profile", str(canary.public_id))
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Customer),
        object_id=str(canary.pk),
        object_repr="Xanthippe Quetzalcoatl",
        action_flag=CHANGE,
        change_message="Changed the canary",
    )
    SyncRun.objects.create(source="shop", started_at=AT, status="failed", error=f"Row 7: {EMAIL} is odd")
    cache.set("unrelated", "nothing of the bird", 60)


def _files() -> None:
    rejects, drop = Path(settings.REJECTS_DIR), Path(settings.DROP_DIR)
    for folder in (rejects, drop / "deep"):
        folder.mkdir(parents=True, exist_ok=True)
    rows = (
        f'row,reason,mail,note\r\n1,bad_date,{EMAIL.upper()},"two\nlines"\r\n2,bad_date,bob@example.com,x\r\n'
    )
    (rejects / "shop.csv").write_text(rows, newline="")
    with gzip.open(drop / "deep" / "orders.csv.gz", "wt", newline="") as file:
        file.write("id,customer\r\n1,cust-90210\r\n2,cust-9021\r\n")
    (drop / "notes.jsonl").write_text(f'{{"who": "{EMAIL}"}}\n{{"who": "bob@example.com"}}\n')
