"""Erasing a person: nothing that names them is left anywhere, and every sum and count is what it was."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from campaigns.books import reconcile
from campaigns.models import Campaign
from customers import consent, tombstones
from customers.erasure import AlreadyErased, erase, erased, readmit, replay
from customers.facts import facts_drift
from customers.identity import Person, resolve
from customers.ingest import ingest
from customers.models import (
    Consent,
    Customer,
    CustomerFacts,
    CustomerIdentity,
    ErasureReceipt,
    Event,
    EventType,
    Order,
    Refund,
    Tombstone,
)
from delivery import outbox, outcomes
from delivery.models import Dispatch, Message, Sender
from segments import membership
from segments.models import Segment
from tests.customers import canary
from tests.customers.canary import EMAIL, WORDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    settings.REJECTS_DIR = tmp_path / "rejects"
    settings.DROP_DIR = tmp_path / "drop"
    settings.PERSONAL_FILES = [settings.REJECTS_DIR, settings.DROP_DIR]
    settings.ERASURES_FILE = tmp_path / "erasures.jsonl"


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("boss@example.com", role=Role.ADMIN)


@pytest.fixture
def bird(user: User) -> Customer:
    """The canary, beside somebody who must stay as they are."""
    ingest(canary.behave("cust-1", "bob@example.com", traits={"first_name": "Bob"}), source="shop")
    return canary.make(user)


def dump() -> dict[str, str]:
    """Every table of the database as text, as pg_dump would write it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
        texts = {}
        for name in tables:
            out = io.BytesIO()
            with cursor.copy(f'COPY public."{name}" TO STDOUT') as copy:
                for block in copy:
                    out.write(block)
            texts[name] = readable(out.getvalue().decode())
    return texts


def readable(text: str) -> str:
    """With what bytea columns hold (mails) beside it."""
    blobs = (cell[3:] for line in text.splitlines() for cell in line.split("\t") if cell.startswith("\\\\x"))
    return text + "".join(bytes.fromhex(blob).decode("utf-8", "replace") for blob in blobs)


def everywhere() -> Iterator[tuple[str, str]]:
    """(place, text) of all tables, all keys and values of the cache's server, and all files of people."""
    yield from dump().items()
    client = cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    for key in client.scan_iter():
        value = client.dump(key)
        yield f"valkey {key!r}", key.decode("latin-1") + (value or b"").decode("latin-1")
    # Rejects of other tests are there, too; this one's are in a folder of its own, among PERSONAL_FILES.
    others = {live_settings.VAR_DIR / name for name in ("postgres", "valkey", "rejects")}
    own = [path for path in Path(live_settings.VAR_DIR).iterdir() if path not in others]
    files = [*own, *live_settings.PERSONAL_FILES, live_settings.ERASURES_FILE]
    for root in files:
        for path in [root] if Path(root).is_file() else Path(root).rglob("*"):
            if path.is_file():
                data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                yield str(path), path.name + data.decode("utf-8", "replace")


def places(words: tuple[str, ...]) -> set[str]:
    lowered = [word.lower() for word in words]
    return {place for place, text in everywhere() if any(word in text.lower() for word in lowered)}


def totals() -> dict[str, object]:
    return {
        "customers": Customer.objects.count(),
        "orders": Order.objects.aggregate(n=Sum("total_minor"), r=Sum("refunded_minor")),
        "refunds": Refund.objects.aggregate(n=Sum("amount_minor")),
        "events": sorted(Event.objects.values_list("type", "value_minor", "occurred_at")),
        "facts": sorted(CustomerFacts.objects.values_list("orders_count", "revenue_minor", "clicks_count")),
        "messages": sorted(Message.objects.values_list("state", flat=True)),
    }


def test_the_canary_is_found_nowhere_and_was_everywhere(bird: Customer, user: User) -> None:
    public_id, before = str(bird.public_id), places(WORDS)
    assert len(before) >= 15, before
    erase(bird.pk, by=user, reason="asked by letter")
    assert places((*WORDS, public_id)) == set()


def test_amounts_counts_and_books_stay(bird: Customer, user: User) -> None:
    before = totals()
    erase(bird.pk, by=user, reason="asked")
    assert totals() == before
    assert reconcile(Campaign.objects.get()).adds_up
    assert facts_drift() == {}


def test_others_keep_what_is_theirs(bird: Customer, user: User) -> None:
    bob = Customer.objects.get(email="bob@example.com")
    erase(bird.pk, by=user, reason="asked")
    assert Customer.objects.get(pk=bob.pk).first_name == "Bob"
    assert Order.objects.filter(customer=bob).values_list("external_id", flat=True).get() == "order-1"
    rejects = (Path(live_settings.REJECTS_DIR) / "shop.csv").read_bytes()
    assert rejects == b"row,reason,mail,note\r\n2,bad_date,bob@example.com,x\r\n"
    with gzip.open(Path(live_settings.DROP_DIR) / "deep" / "orders.csv.gz", "rt") as file:
        assert file.read().split() == ["id,customer", "2,cust-9021"]


def test_the_surrogate_is_in_no_list_no_segment_and_no_model(bird: Customer, user: User) -> None:
    erase(bird.pk, by=user, reason="asked")
    left = Customer.objects.get(pk=bird.pk)
    assert (left.is_anonymous, left.allows_profiling, left.do_not_sell) == (True, False, True)
    assert left not in Customer.objects.known()
    segment = Segment.objects.get(key="all-british")
    assert membership.refresh(segment, cause="edit").entered == 0
    assert not segment.memberships.filter(customer=left).exists()


def test_the_receipt_counts_and_names_nobody(bird: Customer, user: User) -> None:
    receipt = erase(bird.pk, by=user, reason="asked")
    counts = {name: count for name, count in receipt.counts.items() if count}
    assert {name: counts[name] for name in ("customers.Order", "customers.Refund", "files")} == {
        "customers.Order": 1,
        "customers.Refund": 1,
        "files": 3,
    }
    assert counts["customers.CustomerIdentity"] == 2
    assert (receipt.asked_by, receipt.reason) == (user, "asked")
    assert AuditEntry.objects.filter(action="erased a person", object_id=str(receipt.pk)).exists()


def test_a_damaged_archive_in_the_drop_folder_stops_no_erasure(bird: Customer, user: User) -> None:
    damaged = Path(live_settings.DROP_DIR) / "damaged.csv.gz"
    damaged.write_bytes(gzip.compress(b"canary" * 1000)[:30])
    assert erase(bird.pk, by=user, reason="asked").counts["files"] == 3
    assert damaged.stat().st_size == 30


def test_nobody_is_erased_twice(bird: Customer, user: User) -> None:
    erase(bird.pk, by=user, reason="asked")
    with pytest.raises(AlreadyErased):
        erase(bird.pk, by=user, reason="asked")
    assert ErasureReceipt.objects.count() == 1


@pytest.mark.parametrize(
    "who",
    [
        {"customer": "cust-90210", "email": ""},
        {"customer": "", "email": EMAIL},
        {"customer": "new-id", "email": EMAIL},
        {"anonymous": "anon-4711"},
    ],
    ids=["id", "address", "address-with-a-new-id", "anonymous-id"],
)
def test_later_events_are_refused_and_counted(bird: Customer, user: User, who: dict[str, str]) -> None:
    erase(bird.pk, by=user, reason="asked")
    event = canary.EventIn(client_id="later", type=EventType.SEARCHED, occurred_at=canary.AT, **who)
    other = canary.EventIn(client_id="bob", type=EventType.SEARCHED, occurred_at=canary.AT, customer="cust-1")
    before = Customer.objects.count()
    result = ingest([event, other], source="shop")
    assert (result.inserted, result.rejected, result.rejects) == (
        1,
        {"customer_erased": 1},
        [(0, "customer_erased")],
    )
    assert Customer.objects.count() == before


def test_events_for_the_surrogate_itself_are_refused(bird: Customer, user: User) -> None:
    erase(bird.pk, by=user, reason="asked")
    event = canary.EventIn(client_id="l", type=EventType.SEARCHED, occurred_at=canary.AT, customer_id=bird.pk)
    assert ingest([event], source="shop").rejected == {"customer_erased": 1}


def test_an_erased_address_is_adopted_by_nobody(bird: Customer, user: User) -> None:
    erase(bird.pk, by=user, reason="asked")
    resolve([Person("shop", "cust-1", EMAIL), Person("crm", "77")], source="shop")
    resolve([Person("crm", "77", EMAIL)], source="crm")
    assert not Customer.objects.filter(email=EMAIL).exists()


def test_it_says_who_of_many_was_erased(bird: Customer, user: User) -> None:
    erase(bird.pk, by=user, reason="asked")
    gone, here = Person("shop", "cust-90210"), Person("shop", "cust-1", "bob@example.com")
    assert erased([gone, here, Person(email=EMAIL)]) == {gone, Person(email=EMAIL)}


def test_consent_cannot_be_given_for_a_surrogate(bird: Customer, user: User) -> None:
    erase(bird.pk, by=user, reason="asked")
    assert consent.grant([bird.pk], source="import") == 0
    assert not Consent.objects.filter(customer=bird).exists()


def test_suppression_outlives_erasure(bird: Customer, user: User) -> None:
    consent.suppress(EMAIL, "complaint")
    erase(bird.pk, by=user, reason="asked")
    assert consent.is_suppressed(EMAIL)


def test_what_waits_is_skipped_and_what_flies_cannot_settle(user: User) -> None:
    sender = Sender.objects.create(name="S", from_name="S", from_email="s@example.com", rate_per_second=100)
    people = [Customer.objects.create(email=f"c{n}@example.com") for n in range(2)]
    consent.grant([one.pk for one in people], source="form")
    dispatch = Dispatch.objects.create(name="D", sender=sender)
    flying, waiting = (Message.objects.create(dispatch=dispatch, customer=one) for one in people)
    (claimed,) = outbox.claim(dispatch.pk, limit=1)
    for one in people:
        erase(one.pk, by=user, reason="asked")
    late = outcomes.Settlement(claimed=claimed, state=Message.State.SENT, provider_id="p")
    assert outcomes.settle([late]) == 0
    assert list(
        Message.objects.order_by("pk").values_list("pk", "state", "reason", "recipient", "subject")
    ) == [
        (flying.pk, "unknown", "the customer was erased", "", ""),
        (waiting.pk, "skipped", "the customer was erased", "", ""),
    ]


def restore(bird_id: int) -> Customer:
    """What a backup from before the erasure brings back: the person, without any tombstone."""
    Tombstone.objects.all().delete()
    CustomerIdentity.objects.create(namespace="shop", value="cust-90210", customer_id=bird_id)
    Customer.objects.filter(pk=bird_id).update(email=EMAIL, first_name="Xanthippe", erased_at=None)
    return Customer.objects.get(pk=bird_id)


def test_after_a_restore_the_erased_are_erased_again(bird: Customer, user: User) -> None:
    receipt = erase(bird.pk, by=user, reason="asked")
    restore(bird.pk)
    out = io.StringIO()
    call_command("replay_erasures", stdout=out)
    assert out.getvalue() == "1 people were erased again.\n"
    assert places(("Xanthippe", EMAIL)) == set()
    assert ErasureReceipt.objects.get() == receipt
    assert replay() == 0


def test_a_replay_leaves_alone_who_came_back_by_themselves(bird: Customer, user: User) -> None:
    erase(bird.pk, by=user, reason="asked")
    assert readmit(EMAIL)
    assert not readmit(EMAIL)
    again = resolve([Person(email=EMAIL)], source="form").ids[Person(email=EMAIL)]
    assert replay() == 0
    assert Customer.objects.get(pk=again).email == EMAIL


def test_the_hash_is_the_same_in_python_and_sql(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {tombstones.key_hash_sql('%s', '%s')}", [live_settings.SUPPRESSION_KEY, "shop", "Ünï:7"]
        )
        assert bytes(cursor.fetchone()[0]) == tombstones.key_hash("shop", "Ünï:7")
