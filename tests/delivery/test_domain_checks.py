"""SPF, DKIM and DMARC, asked of a real name server, said in sentences."""

import base64
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from socket import AF_INET, SOCK_DGRAM, socket
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.nameserver import Do53Nameserver

from common.clock import now
from delivery import domain_checks
from delivery.domain_checks import DnsResolver, ask, ask_all, run_waiting
from delivery.domain_records import check_domain
from delivery.models import Sender, SenderCheck
from delivery.tasks import check_all_domains


def key_of(bits: int) -> str:
    public = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


KEY = key_of(2048)
Zone = dict[str, list[str]]
GOOD: Zone = {
    "shop.example": ["v=spf1 include:spf.mtasv.net ~all", "google-site-verification=x"],
    "spf.mtasv.net": ["v=spf1 ip4:192.0.2.0/24 -all"],
    "pm._domainkey.shop.example": [f"v=DKIM1; k=rsa; p={KEY}"],
    "_dmarc.shop.example": ["v=DMARC1; p=reject; rua=mailto:d@shop.example"],
}


class _Query(socketserver.BaseRequestHandler):
    server: "NameServer"

    def handle(self) -> None:
        data, answering = self.request
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name = query.question[0].name.to_text(omit_final_dot=True)
        texts = self.server.zone.get(name)
        if texts == ["silent"]:
            return
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts == ["broken"]:
            answer.set_rcode(dns.rcode.SERVFAIL)
        for text in texts or []:
            parts = " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", parts))
        answering.sendto(answer.to_wire(), self.client_address)


class NameServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    zone: Zone


@contextmanager
def naming(zone: Zone) -> Iterator[dns.resolver.Resolver]:
    with NameServer(("127.0.0.1", 0), _Query) as server:
        server.zone = zone
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.server_address[1]
        yield resolver
        server.shutdown()


@contextmanager
def dead() -> Iterator[int]:
    """The port of a name server that takes questions and answers none."""
    with socket(AF_INET, SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening.getsockname()[1]


def asked(resolver: dns.resolver.Resolver, domain: str = "shop.example") -> dict[str, tuple[str, str]]:
    """Tone and sentence of each topic."""
    asking = DnsResolver(resolver)
    findings = check_domain(domain, resolver=asking, selectors=["pm"], spf_include="spf.mtasv.net")
    return {one.topic: (one.tone, one.sentence) for one in findings}


def found(zone: Zone, domain: str = "shop.example") -> dict[str, tuple[str, str]]:
    with naming(zone) as resolver:
        return asked(resolver, domain)


def test_a_domain_in_order_is_said_to_be() -> None:
    findings = found(GOOD)
    assert {topic: tone for topic, (tone, _) in findings.items()} == dict.fromkeys(
        ("SPF", "DKIM", "DMARC"), "success"
    )
    assert findings["DKIM"][1] == "The DKIM key pm is there, 2048 bits."
    assert findings["DMARC"][1] == "DMARC tells receivers to refuse what is forged."


def test_a_domain_without_anything_is_told_what_to_publish() -> None:
    findings = found({})
    assert {tone for tone, _ in findings.values()} == {"danger"}
    assert "include:spf.mtasv.net" in findings["SPF"][1]
    assert "pm._domainkey.shop.example" in findings["DKIM"][1]
    assert "_dmarc.shop.example" in findings["DMARC"][1]


@pytest.mark.parametrize(
    ("topic", "change", "tone", "words"),
    [
        ("SPF", {"shop.example": ["v=spf1 -all", "v=spf1 ~all"]}, "danger", "2 SPF records"),
        ("SPF", {"shop.example": ["v=spf1 include:spf.mtasv.net +all"]}, "danger", "everybody"),
        ("SPF", {"shop.example": ["v=spf1 mx -all"]}, "warning", "does not name spf.mtasv.net"),
        ("SPF", {"shop.example": ["v=spf1 " + "exists:x.example " * 11 + "-all"]}, "danger", "11 look-ups"),
        ("SPF", {"shop.example": ["v=spf10 all"]}, "danger", "no SPF record"),
        ("SPF", {"shop.example": ["broken"]}, "warning", "Nobody knows"),
        ("DKIM", {"pm._domainkey.shop.example": ["v=DKIM1; p="]}, "danger", "taken back"),
        ("DKIM", {"pm._domainkey.shop.example": ["k=rsa; p=MIGf!"]}, "danger", "cannot be read"),
        ("DKIM", {"pm._domainkey.shop.example": [f"t=y; p={KEY}"]}, "warning", "test"),
        ("DKIM", {"pm._domainkey.shop.example": [f"p={key_of(1024)}"]}, "warning", "1024 bits"),
        ("DMARC", {"_dmarc.shop.example": ["v=DMARC1; p=none"]}, "warning", "only watches"),
        ("DMARC", {"_dmarc.shop.example": ["v=DMARC1; p=perhaps"]}, "danger", "no policy"),
        ("DMARC", {"_dmarc.shop.example": ["v=DMARC1; p=none", "v=DMARC1;p=reject"]}, "danger", "2 records"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "zone",
)
def test_what_is_wrong_is_said(topic: str, change: Zone, tone: str, words: str) -> None:
    said = found(GOOD | change)[topic]
    assert (said[0], words in said[1]) == (tone, True), said


SILENT: Zone = {
    name: ["silent"] for name in ("shop.example", "pm._domainkey.shop.example", "_dmarc.shop.example")
}


def test_all_questions_about_a_domain_wait_no_longer_than_its_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first takes a fifth of a second or more, the second what is left, and nothing is left for the third."""
    monkeypatch.setattr(domain_checks, "QUESTION_SECONDS", 0.2)
    monkeypatch.setattr(domain_checks, "DOMAIN_SECONDS", 0.3)
    findings = found(SILENT)
    assert "the name servers do not answer for _dmarc.shop.example." in findings["DMARC"][1]
    assert (
        "Nobody knows: name servers were not asked for shop.example, because other answers took too long."
        in findings["SPF"][1]
    )


def test_one_dead_name_server_of_two_leaves_time_for_many_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SPF record that names eight others asks nine times, of which the dead server may cost a wait each."""
    monkeypatch.setattr(domain_checks, "SERVER_SECONDS", 0.2)
    monkeypatch.setattr(domain_checks, "DOMAIN_SECONDS", 6.0)
    others = {f"{one}.example": ["v=spf1 -all"] for one in "abcdefgh"}
    record = f"v=spf1 include:spf.mtasv.net {' '.join(f'include:{one}' for one in others)} ~all"
    with naming(GOOD | others | {"shop.example": [record]}) as resolver, dead() as port:
        alive = Do53Nameserver("127.0.0.1", resolver.port)
        resolver.nameservers = [Do53Nameserver("127.0.0.1", port), alive]
        findings = asked(resolver)
        assert resolver.rotate
    assert [tone for tone, _ in findings.values()] == ["success", "success", "success"], findings


def test_no_name_is_asked_for_twice() -> None:
    with naming(
        GOOD | {"shop.example": ["v=spf1 include:a.example ~all"], "a.example": ["v=spf1 -all"]}
    ) as resolver:
        asked(resolver)
        assert resolver.cache is not None
        assert resolver.cache.hits() == 1


def test_a_subdomain_inherits_the_policy_for_subdomains() -> None:
    zone = {"_dmarc.shop.example": ["v=DMARC1; p=reject; sp=none"]}
    assert found(zone, "news.shop.example")["DMARC"] == (
        "warning",
        "DMARC only watches: p=none lets forged mails through (from shop.example). "
        "Tighten it when reports are clean.",
    )


def test_records_that_include_each_other_come_to_an_end() -> None:
    zone = {
        "shop.example": ["v=spf1 include:a.example ~all"],
        "a.example": ["v=spf1 include:shop.example ~all"],
    }
    assert found(GOOD | zone)["SPF"][0] == "warning"


@pytest.mark.django_db
def test_a_check_is_kept_with_its_date_and_asked_for_once(sender: Sender) -> None:
    sender.backend = Sender.Backend.POSTMARK
    sender.save()
    assert ask(sender) == ask(sender)
    with naming(GOOD) as resolver:
        assert (run_waiting(resolver), run_waiting(resolver)) == (1, 0)
    check = SenderCheck.objects.get()
    assert check.finished_at is not None
    assert [one["topic"] for one in check.findings] == ["SPF", "DKIM", "DMARC"]


@pytest.mark.django_db
def test_after_its_time_it_leaves_the_rest_to_the_next_run(sender: Sender) -> None:
    waiting = ask(sender)
    with naming(GOOD) as resolver:
        assert run_waiting(resolver, seconds=0) == 0
        waiting.refresh_from_db()
        assert waiting.begun_at is None
        assert run_waiting(resolver, seconds=60) == 1


@pytest.mark.django_db
def test_no_look_begins_when_one_took_too_long(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_checks, "DOMAIN_SECONDS", 0.3)
    first = ask(sender)
    second = ask(
        Sender.objects.create(
            name="R", from_name="Shop", from_email="a@b.example", backend=Sender.Backend.RESEND
        )
    )
    Sender.objects.filter(pk=sender.pk).update(from_email="news@shop.example")
    with naming(SILENT) as resolver:
        assert run_waiting(resolver, seconds=0.2) == 1
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.finished_at is None, second.begun_at) == (False, None)
        assert run_waiting(resolver, seconds=60) == 1


@pytest.mark.django_db
def test_a_check_whose_worker_died_is_done_by_another(sender: Sender) -> None:
    SenderCheck.objects.create(sender=sender, begun_at=now())
    with naming({}) as resolver:
        assert run_waiting(resolver) == 0
        SenderCheck.objects.update(begun_at=now() - timedelta(minutes=3))
        assert run_waiting(resolver) == 1


@pytest.mark.django_db
def test_the_calendar_asks_for_every_sender_whose_mail_leaves(sender: Sender) -> None:
    Sender.objects.create(name="R", from_name="Shop", from_email="a@b.example", backend=Sender.Backend.RESEND)
    assert ask_all() == check_all_domains() == 1
    assert SenderCheck.objects.get().begun_at is None
