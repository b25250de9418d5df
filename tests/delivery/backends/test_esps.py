"""Anymail's providers over real HTTP: what arrives is what was composed, and what their answers mean."""

import base64
import json
import math
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from anymail.exceptions import AnymailAPIError
from pytest_django import Settings
from urllib3 import exceptions as urllib3_errors

from delivery import mime
from delivery.answers import Accepted, Answer, Deferred, InDoubt, Refused, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing
from delivery.backends.esps import ESPS, backend
from delivery.backends.esps.backend import EspBackend
from delivery.backends.side_by_side import Halt, Mails, side_by_side
from delivery.models import Sender

HEADERS = {
    "List-Unsubscribe": "<https://shop.example/u/abc>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-Id": "<news.shop.example>",
    "Feedback-ID": "spring:shop",
}
RAW = mime.build(
    sender=mime.Mailbox("news@shop.example", "The Shöp"),
    recipient=mime.Mailbox("ann@example.com", "Ann Ångström"),
    subject="Grüße — a tent for you",
    html="<p>Hello Ann, a tent for 49 €</p>",
    text="Hello Ann, a tent for 49 €",
    message_id="<1.regards@shop.example>",
    headers=HEADERS,
    date=datetime(2026, 11, 22, 12, tzinfo=UTC),
)
MAIL = Outgoing(key="regards-1", recipient="ann@example.com", subject="", raw=RAW)
Reply = tuple[int, object, Mapping[str, str]]


class Provider(ThreadingHTTPServer):
    """Answers every request alike and remembers it; status 0 hangs up."""

    daemon_threads = True

    def __init__(self, reply: Reply) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.reply = reply
        self.seen: list[tuple[str, Mapping[str, str], bytes]] = []

    def answer(self, path: str, body: bytes) -> object:
        """What is answered to this request alone; None: as to all."""
        return None


class _Request(BaseHTTPRequestHandler):
    server: Provider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.path, self.headers, body))
        status, answer, headers = self.server.reply
        answer = self.server.answer(self.path, body) or answer
        if not status:
            self.close_connection = True
            return
        written = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.OUTBOUND_ALLOWED = ["127.0.0.0/8"]
    backend._kept.cache_clear()
    yield
    backend._kept.cache_clear()


@contextmanager
def answering(
    name: str, status: int, answer: object, headers: Mapping[str, str] | None = None, **options: str
) -> Iterator[tuple[Provider, EspBackend]]:
    with Provider((status, answer, headers or {})) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        required = {field.name: f"{field.name}-x" for field in ESPS[name].fields if field.is_required}
        address = f"http://127.0.0.1:{server.server_port}/"
        aws = {"region": "eu-west-1", "access_key_id": "a", "secret_access_key": "b"}
        given = required | aws | options | {"api_url": address}
        known = {field.name for field in ESPS[name].fields} | {"api_url"}
        yield (
            server,
            EspBackend(esp=ESPS[name], options=tuple(sorted((k, v) for k, v in given.items() if k in known))),
        )
        server.shutdown()


def answer_of(one: EspBackend, mail: Outgoing = MAIL) -> tuple[Answer | None, Unavailable | None]:
    answers: list[Answer | None] = [None]
    try:
        for answered in one.send([mail], deadline=math.inf):
            answers.append(answered[1])
    except Unavailable as error:
        return answers[-1], error
    return answers[-1], None


YES: dict[str, object] = {
    "brevo": {"messageId": "<b-1@brevo>"},
    "mailersend": {},
    "mailgun": {"id": "<m-1@mg>", "message": "Queued. Thank you."},
    "mailjet": {"Messages": [{"Status": "success", "To": [{"Email": "ann@example.com", "MessageID": 71}]}]},
    "mailtrap": {"success": True, "message_ids": ["t-1"]},
    "mandrill": [{"email": "ann@example.com", "status": "queued", "_id": "d-1", "reject_reason": None}],
    "postal": {
        "status": "success",
        "data": {"message_id": "p@x", "messages": {"ann@example.com": {"id": 81, "token": "k"}}},
    },
    "postmark": {
        "ErrorCode": 0,
        "Message": "OK",
        "MessageID": "pm-1",
        "To": "ann@example.com",
        "SubmittedAt": "2026-11-22T12:00:00Z",
    },
    "resend": {"id": "r-1"},
    "scaleway": {"emails": [{"message_id": "s-1", "mail_rcpt": "ann@example.com", "status": "new"}]},
    "sendgrid": {},
    "sparkpost": {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "sp-1"}},
    "unisender_go": {"status": "success", "job_id": "u-1", "emails": ["ann@example.com"]},
    "amazon_ses": {"MessageId": "ses-1"},
}
WITH_HEADERS = {
    "mailersend": {"X-Message-Id": "ms-1", "X-Message-Queued": "x"},
    "sendgrid": {"X-Message-ID": "sg-1"},
}


def as_text(name: str, body: bytes, headers: Mapping[str, str]) -> str:
    """A request's body with its escapes undone, so that one may look for words in it."""
    if name == "amazon_ses":
        raw = base64.b64decode(json.loads(body)["Content"]["Raw"]["Data"])
        mail = message_from_bytes(raw, policy=default)
        parts = [str(part.get_content()) for part in mail.walk() if not part.is_multipart()]
        return "\n".join([*(f"{k}: {v}" for k, v in mail.items()), *parts])
    if body.startswith(b"{"):
        return json.dumps(json.loads(body), ensure_ascii=False).replace('\\"', '"')
    if "urlencoded" in headers.get("Content-Type", ""):
        return "\n".join(f"{k}: {v}" for k, v in parse_qsl(body.decode()))
    return body.decode()


def test_there_is_one_for_each_that_anymail_knows() -> None:
    others = {"local", "gateway", "smtp"}
    assert set(ESPS) == set(YES) == set(Sender.Backend.values) - others


@pytest.mark.parametrize("name", sorted(YES))
@pytest.mark.filterwarnings("ignore:django-anymail has dropped official support")
def test_what_arrives_is_what_was_composed(name: str) -> None:
    with answering(name, 202, YES[name], WITH_HEADERS.get(name)) as (server, one):
        answer, error = answer_of(one)
    assert (type(answer), error) == (Accepted, None), answer
    [(_, headers, body)] = server.seen
    text = as_text(name, body, headers)
    for words in (
        "Grüße — a tent for you",
        "Hello Ann, a tent for 49 €",
        "<p>Hello Ann, a tent for 49 €</p>",
        "ann@example.com",
        "Ångström",
        "news@shop.example",
        *HEADERS.values(),
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("postmark", "pm-1"),
        ("mailjet", "71"),
        ("resend", "r-1"),
        ("sparkpost", "sp-1"),
        ("mailgun", "<m-1@mg>"),
        ("amazon_ses", "ses-1"),
    ],
)
def test_the_provider_s_id_is_kept(name: str, expected: str) -> None:
    with answering(name, 200, YES[name]) as (_, one):
        assert answer_of(one)[0] == Accepted(provider_id=expected)


def test_amazon_gets_our_very_bytes_and_our_key() -> None:
    with answering("amazon_ses", 200, YES["amazon_ses"]) as (server, one):
        answer_of(one)
    sent = base64.b64decode(json.loads(server.seen[0][2])["Content"]["Raw"]["Data"])
    head, _, body = RAW.partition(b"\r\n\r\n")
    ours = b'X-Metadata: {"regards": "regards-1"}'
    assert sent.replace(b"\n", b"\r\n") == b"\r\n".join([head, ours, b"", body])


def test_amazon_without_keys_got_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with answering("amazon_ses", 200, {}, access_key_id="", secret_access_key="") as (server, one):
        answer, error = answer_of(one)
    assert (answer, server.seen) == (None, []) and "NoCredentialsError" in str(error)


def test_a_region_that_is_none_is_no_mail_s_fault() -> None:
    with answering("amazon_ses", 200, {}, region="nowhere!") as (server, one):
        answer, error = answer_of(one)
    assert (answer, server.seen) == (None, []) and error is not None


def test_a_mail_of_one_part_stays_one() -> None:
    raw = RAW.replace(b"text/plain", b"text/x-gone", 1)
    with answering("postmark", 200, YES["postmark"]) as (server, one):
        answer_of(one, Outgoing(key="regards-2", recipient="ann@example.com", subject="", raw=raw))
    sent = json.loads(server.seen[0][2])
    assert "49 €" in sent["HtmlBody"] and not sent.get("TextBody")


def test_resend_and_brevo_get_the_key_and_the_others_their_mark() -> None:
    with answering("resend", 200, YES["resend"]) as (server, one):
        answer_of(one)
        answer_of(one, Outgoing(key="regards-2", recipient="ann@example.com", subject="", raw=RAW))
    assert [headers["Idempotency-Key"] for _, headers, _ in server.seen] == ["regards-1", "regards-2"]
    with answering("brevo", 200, YES["brevo"]) as (server, one):
        answer_of(one)
        answer_of(one)
    keys = {json.loads(body)["headers"]["idempotencyKey"] for _, _, body in server.seen}
    assert len(keys) == 1
    with answering("postmark", 200, YES["postmark"]) as (server, one):
        answer_of(one)
    assert json.loads(server.seen[0][2])["Metadata"] == {"regards": "regards-1"}


@pytest.mark.parametrize("name", sorted(YES))
@pytest.mark.filterwarnings("ignore:django-anymail has dropped official support")
def test_our_key_goes_with_each_mail_where_there_is_a_place_for_it(name: str) -> None:
    with answering(name, 202, YES[name], WITH_HEADERS.get(name)) as (server, one):
        answer_of(one)
    [(_, headers, body)] = server.seen
    assert ("regards-1" in as_text(name, body, headers)) is (name not in {"mailersend", "postal"})


def test_who_is_asked_has_no_more_time_than_there_is() -> None:
    with answering("postmark", 200, {"Messages": []}) as (server, one):
        assert one.ask(["regards-1"], deadline=time.monotonic() + 1) == {}
    assert server.seen == []


def test_credentials_are_those_of_the_sender() -> None:
    with answering("postmark", 200, YES["postmark"], server_token="mine") as (server, one):
        answer_of(one)
    assert server.seen[0][1]["X-Postmark-Server-Token"] == "mine"


@pytest.mark.parametrize("status", [400, 422])
def test_a_mail_that_it_will_not_take_is_refused(status: int) -> None:
    with answering("resend", status, {"message": "no such address"}) as (_, one):
        answer, error = answer_of(one)
    assert isinstance(answer, Refused) and "no such address" in answer.reason and error is None


@pytest.mark.parametrize("status", [409, 500, 502, 504, 0])
def test_an_answer_that_says_nothing_leaves_doubt(status: int) -> None:
    with answering("postmark", status, {}) as (server, one):
        answer, error = answer_of(one)
    assert (type(answer), error, len(server.seen)) == (Uncertain, None, 1)


@pytest.mark.parametrize("name", ["resend", "mailgun", "sparkpost"])
@pytest.mark.parametrize(
    ("status", "wait"), [(429, timedelta(seconds=7)), (503, timedelta(seconds=7)), (401, None)]
)
def test_a_provider_that_takes_nothing_now_is_left_alone(
    name: str, status: int, wait: timedelta | None
) -> None:
    headers = {"Retry-After": "7"} if wait else {}
    with answering(name, status, {}, headers) as (_, one):
        answer, error = answer_of(one)
    assert isinstance(answer, Deferred) and answer.retry_after == wait
    assert error is not None and error.retry_after == wait


def test_a_provider_that_is_not_there_got_nothing() -> None:
    with answering("resend", 200, {}) as (_, one):
        pass
    answer, error = answer_of(one)
    assert answer is None and error is not None and "cannot be reached" in str(error)


def test_an_address_of_the_house_is_not_called(settings: Settings) -> None:
    with answering("postal", 200, YES["postal"]) as (server, one):
        settings.OUTBOUND_ALLOWED = []
        answer, error = answer_of(one)
    assert (answer, server.seen) == (None, []) and "internal network" in str(error)


def test_a_success_that_cannot_be_read_leaves_doubt() -> None:
    with answering("mailgun", 200, "thanks") as (_, one):
        assert isinstance(answer_of(one)[0], Uncertain)


def test_brevo_says_of_a_key_it_has_that_it_was_taken() -> None:
    with answering("brevo", 400, {"code": "duplicate_parameter", "message": "known"}) as (_, one):
        assert answer_of(one) == (Accepted(provider_id="regards-1"), None)


def test_postmark_tells_a_dead_address_from_a_dead_account() -> None:
    with answering(
        "postmark", 422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'ann@example.com'."}
    ) as (_, one):
        assert isinstance(answer_of(one)[0], Refused)
    with answering("postmark", 422, {"ErrorCode": 405, "Message": "not allowed to send"}) as (_, one):
        answer, error = answer_of(one)
    assert isinstance(answer, Deferred) and error is not None


@pytest.mark.parametrize(
    ("status", "code", "kind", "halts"),
    [
        (400, "MessageRejected", Refused, False),
        (400, "BadRequestException", Refused, False),
        (429, "TooManyRequestsException", Deferred, True),
        (400, "AccountSuspendedException", Deferred, True),
        (403, "InvalidClientTokenId", Deferred, True),
        (500, "InternalFailure", Uncertain, False),
    ],
)
def test_amazon_s_errors(status: int, code: str, kind: type, halts: bool) -> None:
    headers = {"x-amzn-ErrorType": code}
    with answering(
        "amazon_ses", status, {"message": "why"}, headers, access_key_id="a", secret_access_key="b"
    ) as (server, one):
        answer, error = answer_of(one)
    assert (type(answer), error is not None, len(server.seen)) == (kind, halts, 1)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (
            "postmark",
            {"TotalCount": 1, "Messages": [{"MessageID": "pm-1", "Metadata": {"regards": "regards-1"}}]},
        ),
        ("mailjet", {"Count": 1, "Data": [{"ID": 71, "CustomID": "regards-1"}]}),
    ],
)
def test_who_can_be_asked_is_believed_about_this_key_only(name: str, answer: object) -> None:
    with answering(name, 200, answer) as (server, one):
        assert one.in_doubt == InDoubt.ASK
        found = one.ask(["regards-1", "regards-2"], deadline=math.inf)
    assert found == {"regards-1": "pm-1" if name == "postmark" else "71", "regards-2": ""}
    assert "regards-1" in server.seen[0][0]


class Postmark(Provider):
    """Keeps mails by stream and metadata, and finds them by both, as Postmark does."""

    def __init__(self) -> None:
        super().__init__((200, {}, {}))
        self.kept: list[tuple[str, dict[str, str]]] = []

    def answer(self, path: str, body: bytes) -> object:
        if body:
            mail = json.loads(body)
            self.kept.append((mail.get("MessageStream", "outbound"), mail["Metadata"]))
            return YES["postmark"]
        asked = dict(parse_qsl(urlsplit(path).query))
        found = [
            {"MessageID": f"pm-{number}", "Metadata": metadata}
            for number, (stream, metadata) in enumerate(self.kept)
            if stream == asked["messagestream"] and metadata["regards"] == asked["metadata_regards"]
        ]
        return {"TotalCount": len(found), "Messages": found[: int(asked["count"])]}


@pytest.mark.parametrize("stream", ["broadcast", "", "news"])
def test_postmark_is_asked_about_the_stream_that_the_mail_took(stream: str) -> None:
    with Postmark() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        options = {"server_token": "x", "api_url": f"http://127.0.0.1:{server.server_port}/"}
        given = options | ({"message_stream": stream} if stream else {})
        one = EspBackend(esp=ESPS["postmark"], options=tuple(sorted(given.items())))
        server.kept.append(("else", {"regards": "regards-2"}))
        answer_of(one)
        found = one.ask(["regards-1", "regards-2"], deadline=math.inf)
        server.shutdown()
    assert found == {"regards-1": "pm-1", "regards-2": ""}


@pytest.mark.parametrize("name", ["resend", "amazon_ses"])
def test_a_connection_that_breaks_in_tls_leaves_doubt(name: str) -> None:
    with answering(name, 200, YES[name]) as (server, one):
        address = f"https://127.0.0.1:{server.server_port}/"
        options = {**dict(one.options), "api_url": address}
        answer, error = answer_of(EspBackend(esp=one.esp, options=tuple(sorted(options.items()))))
    assert (type(answer), error) == (Uncertain, None)


@pytest.mark.parametrize("is_certificate", [True, False])
def test_only_a_certificate_that_is_not_believed_means_that_nothing_left(is_certificate: bool) -> None:
    said = ssl.SSLCertVerificationError("expired") if is_certificate else ssl.SSLEOFError("gone")
    lost = AnymailAPIError("lost")
    lost.__cause__ = requests.exceptions.SSLError(
        urllib3_errors.MaxRetryError(None, "/", urllib3_errors.SSLError(said))  # type: ignore[arg-type]
    )
    assert backend._never_left(lost, ESPS["resend"]) is is_certificate


def test_an_error_that_nobody_foresaw_leaves_doubt_about_its_mail_alone() -> None:
    def mark(mail: object, key: str) -> None:
        if key == "regards-2":
            raise RuntimeError("what?")

    mails = [
        Outgoing(key=f"regards-{n}", recipient="ann@example.com", subject="", raw=RAW) for n in (1, 2, 3)
    ]
    with answering("resend", 200, YES["resend"]) as (_, one):
        alone = EspBackend(esp=replace(one.esp, mark=mark), options=one.options)
        halt = Halt()
        found = list(alone._hand_over_all(math.inf, Mails(waiting=mails[::-1], halt=halt), halt))
    assert [(mail.key, type(answer)) for mail, answer in found] == [
        ("regards-1", Accepted),
        ("regards-2", Uncertain),
    ]
    assert halt.reason == "RuntimeError: what?"


def test_what_no_connection_took_is_untried_whatever_happened() -> None:
    def worker(mails: Mails, halt: Halt) -> Iterator[tuple[Outgoing, Answer]]:
        next(mails)
        raise RuntimeError("what?")
        yield

    mails = [Outgoing(key=f"regards-{n}", recipient="ann@example.com", subject="", raw=RAW) for n in range(9)]
    answers: list[tuple[str, type]] = []
    with pytest.raises(RuntimeError, match="what"):
        for mail, said in side_by_side(mails, worker, connections=1):
            answers.append((mail.key, type(said)))
    assert answers == [(f"regards-{n}", Untried) for n in range(1, 9)]


@pytest.mark.parametrize("status", [401, 500, 200])
def test_an_answer_that_cannot_be_read_is_none(status: int) -> None:
    with (
        answering("postmark", status, "what?") as (_, one),
        pytest.raises(Unavailable, match="cannot be asked"),
    ):
        one.ask(["regards-1"], deadline=math.inf)


def test_who_cannot_be_asked_says_so() -> None:
    with answering("mandrill", 200, []) as (_, one), pytest.raises(Unavailable):
        one.ask(["regards-1"], deadline=math.inf)
