"""The main job from end to end, with the commands a person would type: `python -m tests.flows.main_job FILE`.

A file of orders comes in, a segment, a recommender, rules and a campaign are made of it, the campaign is launched and
sent, somebody clicks over real HTTP and orders, and every count is held against every other.
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.core.management import call_command

from common import services

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the whole flow counted; `report` is the answer of `campaign_report --json`."""

    rows: int
    audience: int
    arms: dict[str, int]
    excluded: dict[str, int]
    mailbox: int
    clicks: int
    report: dict[str, Any]


def main_job(file: Path, rows: int | None = None, *, orders: int = 3, engine: str = "blend") -> Books:
    """Run the whole flow on the database in use and hold the counts against each other (AssertionError).

    `orders` is how many a customer must have placed to be in the segment.
    """
    imported = json.loads(_command("import_events", file, "--mapping=online_retail", "--json", *_limit(rows)))
    assert imported["adds_up"]
    last = _last_order()
    _prepare(last, orders=orders, engine=engine)
    withdrawn, suppressed = _take_two_out()
    launched = json.loads(_command("launch_campaign", "win-back", "--no-ring", "--json"))
    _command("send_campaigns")
    mailbox = _check_mails(launched)
    clicks = _click_and_order()
    report = json.loads(_command("campaign_report", "win-back", "--json"))
    _check_books(launched, report, mailbox=mailbox, out={withdrawn, suppressed})
    return Books(
        rows=imported["rows_in"],
        audience=launched["audience"],
        arms=launched["by_variant"],
        excluded=launched["excluded"],
        mailbox=mailbox,
        clicks=clicks,
        report=report,
    )


def _command(name: str, *arguments: object) -> str:
    """What a management command prints."""
    from contextlib import redirect_stdout

    out = StringIO()
    with redirect_stdout(out):
        call_command(name, *map(str, arguments), stdout=out)
    return out.getvalue()


def _limit(rows: int | None) -> list[str]:
    return [] if rows is None else [f"--limit={rows}"]


def _last_order() -> datetime:
    from customers.models import Order

    return Order.objects.latest("placed_at").placed_at


def _prepare(last: datetime, *, orders: int, engine: str) -> None:
    """Make the segment, the recommender, the rules and the draft."""
    lapsing = {
        "all": [
            {"attribute": "country", "value": "GB"},
            {"event": "order_placed", "count": {"gte": orders}, "within": {"days": 90}},
            {"not": {"event": "order_placed", "count": {"gte": 1}, "within": {"days": 30}}},
        ]
    }
    as_of = (last + timedelta(days=28)).isoformat()
    condition = f"--condition={json.dumps(lapsing)}"
    _command("create_segment", "uk-lapsing", "--name=Lapsing in Britain", condition, f"--as-of={as_of}")
    _command(
        "train_recommender", f"--engine={engine}", f"--now={(last + timedelta(days=1)).isoformat()}", "--json"
    )
    _command("publish_rules", ROOT / "rules/examples/hero.yaml")
    _command("create_campaign", ROOT / "campaigns/examples/winback.yaml")


def _take_two_out() -> tuple[str, str]:
    """One member withdraws consent, another's address bounces; their addresses."""
    from customers.consent import suppress, withdraw
    from segments.models import SegmentMembership

    members = SegmentMembership.objects.order_by("customer_id").select_related("customer")[:2]
    withdrawn, bounced = [member.customer for member in members]
    withdraw([withdrawn.pk], source="main job")
    suppress(str(bounced.email), "hard_bounce")
    return str(withdrawn.email), str(bounced.email)


def _check_mails(launched: dict[str, Any]) -> int:
    """Hold the mailbox against the launch; how many mails there are."""
    from delivery.models import MailboxMessage, Message

    mailed = launched["by_variant"]["a"] + launched["by_variant"]["b"]
    mails = list(MailboxMessage.objects.all())
    sent = Message.objects.filter(dispatch_id=launched["dispatch_id"], state=Message.State.SENT)
    assert len(mails) == sent.count() == mailed > 0
    assert set(Counter(mail.recipient for mail in mails).values()) == {1}
    assert {mail.key for mail in mails} == set(sent.values_list("provider_id", flat=True))
    for mail in mails:
        _check_headers(message_from_bytes(bytes(mail.raw), policy=default))  # type: ignore[arg-type]
    return len(mails)


def _check_headers(mail: EmailMessage) -> None:
    """Insist on RFC 8058's headers, and that the address in them names this mail's own message."""
    from common import tokens
    from delivery.models import Message
    from delivery.tracking import PURPOSE_UNSUBSCRIBE

    header = str(mail["List-Unsubscribe"])
    assert header.startswith("<http")
    assert header.endswith(">")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = urlsplit(header.strip("<>")).path.strip("/").rpartition("/")[2]
    message_id = tokens.read(PURPOSE_UNSUBSCRIBE, token)
    assert Message.objects.get(pk=message_id).recipient == mail["To"]
    assert mail["Message-ID"].startswith(f"<{message_id}.regards@")


def _click_and_order() -> int:
    """Somebody clicks the first link of a mail, over HTTP, and orders; how many clicks were noted as a person's."""
    import httpx

    from delivery.models import Message, MessageEvent
    from demo.serving import served

    message = Message.objects.filter(variant_key="b", state=Message.State.SENT).earliest("pk")
    with served() as address:
        answer = httpx.get(
            f"{address}{_click_path(message.pk)}", headers={"User-Agent": BROWSER}, timeout=PATIENCE_SECONDS
        )
    assert answer.status_code == httpx.codes.FOUND
    assert message.link_list is not None
    assert answer.headers["Location"] == message.link_list.urls[0]
    _order(message.customer_id, "after the click")
    clicks = MessageEvent.objects.filter(kind=MessageEvent.Kind.CLICKED, is_machine=False)
    assert list(clicks.values_list("message_id", "link_index")) == [(message.pk, 0)]
    return clicks.count()


def _click_path(message_id: int) -> str:
    """The address of the first tracked link."""
    from django.urls import reverse

    from common import tokens
    from delivery.tracking import PURPOSE_CLICK

    return reverse("delivery:clicked", args=[tokens.sign(PURPOSE_CLICK, message_id), 0])


def _order(customer_id: int, name: str) -> None:
    """Place an order of 12.34 pounds, now."""
    from common.clock import now
    from customers.events_in import EventIn
    from customers.ingest import ingest
    from customers.models import EventType

    line = EventIn(
        client_id=name,
        line="1",
        type=EventType.ORDER_LINE.value,
        occurred_at=now(),
        customer_id=customer_id,
        order=name,
        quantity=1,
        unit_price_minor=1_234,
        value_minor=1_234,
        currency="GBP",
    )
    assert ingest([line], source="main job").inserted == 1


def _check_books(launched: dict[str, Any], report: dict[str, Any], *, mailbox: int, out: set[str]) -> None:
    """Hold the report against the launch, the mailbox, and who was taken out."""
    from campaigns.models import Recipient
    from customers.models import Customer
    from segments.models import SegmentMembership

    books, arms = report["books"], launched["by_variant"]
    assert launched["audience"] == sum(arms.values()) + sum(launched["excluded"].values())
    assert launched["audience"] == SegmentMembership.objects.filter(segment__key="uk-lapsing").count()
    assert launched["excluded"] == {"consent withdrawn": 1, "suppressed: hard_bounce": 1}
    excluded = Recipient.objects.exclude(exclusion="").values("customer_id")
    assert set(Customer.objects.filter(pk__in=excluded).values_list("email", flat=True)) == out
    assert books["adds_up"]
    assert books["is_finished"]
    assert (books["audience"], books["excluded"]) == (launched["audience"], launched["excluded"])
    assert books["messages"] == books["sent"] == mailbox
    assert {key: arm["assigned"] for key, arm in books["arms"].items()} == arms
    assert report["attributed"] == {"orders": 1, "revenue_minor": 1_234}


def run() -> None:
    """Read the arguments, run, print the books."""
    parser = argparse.ArgumentParser(description="Run the main job on the database in use.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--orders", type=int, default=3)
    given = parser.parse_args()
    with services.as_configured(ROOT):
        django.setup()
        _command("prepare", "--verbosity=0")
        books = main_job(given.file, given.rows, orders=given.orders)
    print(f"{books.rows:,} rows; audience {books.audience:,} = {books.arms} + excluded {books.excluded}")
    print(f"{books.mailbox:,} mails, {books.clicks} click; {books.report['attributed']}")


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    run()
