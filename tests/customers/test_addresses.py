"""One grammar and one form of addresses: a file, the event API and the writer of mails agree on every one."""

import csv
import json
from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from common.clock import now
from customers.addresses import BadAddress, canonical, is_canonical
from customers.ingest import EventIn, ingest
from customers.models import Customer, CustomerIdentity, EventType
from delivery.mime import Mailbox, RefusedHeader, build
from tests.customers.addresses import INVALID, VALID

ALL = [*VALID, *INVALID]
MAPPING = """
version: 1
source: {source}
time: {{column: at}}
customer: {{id: "{{id}}", email: "{{email}}"}}
kinds:
  - event: page_viewed
    id: "{{id}}"
"""


def verdicts() -> dict[str, str]:
    """The canonical form of each address, or why it is refused."""
    return VALID | dict.fromkeys(INVALID, "bad_email")


def distinct(addresses: list[str]) -> dict[str, str]:
    """One address for each canonical form, so that no two belong to one customer."""
    return {VALID.get(address, address): address for address in reversed(addresses)}


def test_there_are_two_hundred_of_them():
    assert len(set(ALL)) == len(ALL) >= 200
    assert min(len(VALID), len(INVALID)) >= 100


@pytest.mark.parametrize("address", VALID)
def test_a_valid_address_has_one_form(address):
    assert canonical(address) == VALID[address]
    assert canonical(VALID[address]) == VALID[address]


@pytest.mark.parametrize("address", INVALID)
def test_an_invalid_one_is_refused(address):
    with pytest.raises(BadAddress):
        canonical(address)


@pytest.mark.django_db
def test_the_event_api_agrees():
    batch = [
        EventIn(
            client_id=str(number),
            type=EventType.PAGE_VIEWED,
            occurred_at=now(),
            email=address,
            customer=str(number),
        )
        for number, address in enumerate(ALL)
    ]
    result = ingest(batch, source="api")
    refused = {ALL[position]: reason for position, reason in result.rejects}
    assert refused == {address: reason for address, reason in verdicts().items() if reason == "bad_email"}
    assert set(Customer.objects.exclude(email=None).values_list("email", flat=True)) == set(VALID.values())


@pytest.mark.django_db
def test_a_file_agrees(tmp_path: Path, capsys):
    rows = list(distinct(ALL).values())
    (tmp_path / "map.yaml").write_text(MAPPING.format(source="file"))
    with (tmp_path / "people.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["id", "at", "email"])
        writer.writerows([number, now().isoformat(), address] for number, address in enumerate(rows))
    call_command(
        "import_events",
        str(tmp_path / "people.csv"),
        mapping=str(tmp_path / "map.yaml"),
        rejects=str(tmp_path / "rejects.csv"),
        json=True,
    )
    told = json.loads(capsys.readouterr().out)
    assert told["rejected"] == {"bad_email": len(INVALID)}
    stored = dict(CustomerIdentity.objects.values_list("value", "customer__email"))
    assert {rows[int(number)]: email for number, email in stored.items()} == {
        address: VALID[address] for address in rows if address in VALID
    }


def written(address: str) -> str:
    """What the To header of a mail to this address says, or that it is refused."""
    try:
        raw = build(
            sender=Mailbox("news@shop.example", "Shop"),
            recipient=Mailbox(address),
            subject="News",
            html="",
            text="Hello",
            message_id="<1@shop.example>",
            headers={},
            date=now(),
        )
    except RefusedHeader:
        return "bad_email"
    message = message_from_bytes(raw)
    assert message.get_all("Bcc") is None
    return str(message["To"])


def test_the_writer_of_mails_agrees():
    assert {address: written(address) for address in ALL} == verdicts()


def test_what_is_written_is_read_as_the_same_address():
    assert {form: parseaddr(written(form))[1] for form in VALID.values()} == {f: f for f in VALID.values()}


@pytest.mark.parametrize("address", ALL)
def test_canonical_addresses_are_recognised(address):
    assert is_canonical(address) is (VALID.get(address) == address)


@given(st.from_regex(r"[a-zA-Z0-9.!'@_ -]{0,12}@?[a-zA-Z0-9.@_ é-]{0,14}(\.(com|test|COM))?", fullmatch=True))
def test_to_be_canonical_is_to_be_ones_own_canonical_form(text):
    try:
        form = canonical(text)
    except BadAddress:
        assert not is_canonical(text)
    else:
        assert is_canonical(form)
        assert is_canonical(text) is (text == form)
