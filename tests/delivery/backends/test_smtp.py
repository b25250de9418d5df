"""SMTP over real sockets: what each reply means for a mail, and what happens when there is none."""

import math
import time
from collections.abc import Iterator

import pytest

from delivery.answers import Accepted, Answer, Deferred, Refused, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing
from delivery.backends.smtp import Security, SmtpBackend
from delivery.backends.smtp import Server as Where
from delivery.backends.smtp import backend as smtp_backend
from tests.delivery.backends.smtp_server import HANG_UP, Server, serving

RAW = b"Subject: Hi\r\n\r\n.one\r\n..two\r\nthree\r\n"


@pytest.fixture(autouse=True)
def no_kept_sessions(settings: object) -> Iterator[None]:
    settings.OUTBOUND_ALLOWED = ["127.0.0.0/8"]  # type: ignore[attr-defined]
    smtp_backend._kept.cache_clear()
    yield
    smtp_backend._kept.cache_clear()


def mail(number: int, recipient: str = "", raw: bytes = RAW) -> Outgoing:
    return Outgoing(
        key=f"regards-{number}", recipient=recipient or f"c{number}@example.com", subject="Hi", raw=raw
    )


def backend_to(server: Server, *, connections: int = 1) -> SmtpBackend:
    where = Where(host="127.0.0.1", port=server.port, security=Security.NONE)
    return SmtpBackend(server=where, envelope_from="news@shop.example", connections=connections)


def sent(
    backend: SmtpBackend, *mails: Outgoing, deadline: float = math.inf
) -> tuple[dict[str, Answer], Unavailable | None]:
    found: dict[str, Answer] = {}
    try:
        for one, answer in backend.send(mails, deadline=deadline):
            assert one.key not in found
            found[one.key] = answer
    except Unavailable as error:
        return found, error
    return found, None


BOTH = pytest.mark.parametrize("features", [("PIPELINING", "SIZE 100000"), ()], ids=["pipelined", "plain"])


@BOTH
def test_mails_arrive_byte_for_byte_over_one_connection(features: tuple[str, ...]) -> None:
    with serving(features=features) as server:
        backend = backend_to(server)
        first, error = sent(backend, mail(1), mail(2))
        second, _ = sent(backend, mail(3))
    assert (first | second, error) == (
        {f"regards-{n}": Accepted(provider_id=f"4Xyz{n}") for n in (1, 2, 3)},
        None,
    )
    assert server.log.connections == 1
    assert server.log.mails == [RAW.replace(b"\r\n.", b"\r\n..")] * 3
    size = f" SIZE={len(RAW)}" if features else ""
    assert server.log.commands[:3] == [
        f"MAIL FROM:<news@shop.example>{size}",
        "RCPT TO:<c1@example.com>",
        "DATA",
    ]


@BOTH
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 5.1.1 no such user", Refused(reason="550 5.1.1 no such user")),
        ("450 4.2.1 try later", Deferred(reason="450 4.2.1 try later", is_about_mail=True)),
    ],
)
def test_a_recipient_that_is_refused_harms_no_other(
    features: tuple[str, ...], reply: str, expected: Answer
) -> None:
    with serving(
        lambda step, argument, count: reply if "<c2@" in argument else None, features=features
    ) as server:
        answers, error = sent(backend_to(server), mail(1), mail(2), mail(3))
    assert (answers["regards-2"], error) == (expected, None)
    assert [type(answers[f"regards-{n}"]) for n in (1, 3)] == [Accepted, Accepted]
    assert server.log.commands.count("RSET") == 1
    assert (server.log.connections, len(server.log.mails)) == (1, 2)


def test_a_server_that_wants_the_mail_of_nobody_gets_none() -> None:
    said = {"RCPT": "550 no", "DATA": "354 go on"}
    with serving(lambda step, argument, count: said.get(step) if count == 1 else None) as server:
        answers, _ = sent(backend_to(server), mail(1), mail(2))
    assert (type(answers["regards-1"]), type(answers["regards-2"])) == (Refused, Accepted)
    assert server.log.mails == [b"", RAW.replace(b"\r\n.", b"\r\n..")]


@BOTH
@pytest.mark.parametrize(
    ("reply", "kind"),
    [("554 5.6.0 spam", Refused), ("451 4.3.0 full", Deferred), ("999 what", Uncertain), ("hm", Uncertain)],
)
def test_a_mail_that_is_judged_by_its_content(features: tuple[str, ...], reply: str, kind: type) -> None:
    with serving(
        lambda step, argument, count: reply if step == "CONTENT" and count == 1 else None, features=features
    ) as server:
        answers, error = sent(backend_to(server), mail(1), mail(2))
    assert ([type(one) for one in answers.values()], error) == ([kind, Accepted], None)


@BOTH
def test_a_lost_answer_leaves_doubt_about_that_mail_alone(features: tuple[str, ...]) -> None:
    with serving(
        lambda step, argument, count: HANG_UP if step == "CONTENT" and count == 2 else None,
        features=features,
    ) as server:
        answers, error = sent(backend_to(server), mail(1), mail(2), mail(3))
    assert ([type(one) for one in answers.values()], error) == ([Accepted, Uncertain, Accepted], None)
    assert server.log.connections == 2


def test_five_lost_answers_in_a_row_end_the_batch() -> None:
    with serving(lambda step, argument, count: HANG_UP if step == "CONTENT" else None) as server:
        answers, error = sent(backend_to(server), *map(mail, range(20)))
    kinds = [type(one) for one in answers.values()]
    assert kinds.count(Uncertain) == 5 and str(error) == "the provider does not answer"
    assert set(kinds) <= {Uncertain, Untried}


@BOTH
@pytest.mark.parametrize("reply", [HANG_UP, "421 4.7.0 enough for one connection"])
def test_a_connection_that_ends_after_a_few_mails_is_opened_again(
    features: tuple[str, ...], reply: str
) -> None:
    with serving(
        lambda step, argument, count: reply if step == "MAIL" and count in (3, 6) else None, features=features
    ) as server:
        answers, error = sent(backend_to(server), *map(mail, range(6)))
    assert ({type(one) for one in answers.values()}, len(answers), error) == ({Accepted}, 6, None)
    assert (server.log.connections, len(server.log.mails)) == (3, 6)


@BOTH
@pytest.mark.parametrize("reply", ["421 4.4.2 idle for too long", "502 5.5.1 no such command"])
def test_a_session_that_cannot_be_reset_is_opened_again(features: tuple[str, ...], reply: str) -> None:
    def script(step: str, argument: str, count: int) -> str | None:
        if step == "RSET":
            return reply
        return "550 5.1.1 nobody" if step == "RCPT" and "nobody" in argument else None

    with serving(script, features=features) as server:
        answers, error = sent(backend_to(server), mail(1, "nobody@example.com"), mail(2), mail(3))
    assert ([type(one) for one in answers.values()], error) == ([Refused, Accepted, Accepted], None)
    assert server.log.connections == 2


def test_a_goodbye_to_a_fresh_connection_halts_and_nothing_counts_as_tried() -> None:
    with serving(lambda step, argument, count: "421 4.3.2 closing" if step == "MAIL" else None) as server:
        answers, error = sent(backend_to(server), mail(1), mail(2))
    assert {type(one) for one in answers.values()} == {Untried}
    assert "421 4.3.2 closing" in str(error)


@pytest.mark.parametrize(
    "reply", ["530 5.7.0 sign in first", "550 5.7.1 this sender may not", "451 4.3.2 no"]
)
def test_what_would_be_said_to_every_mail_fails_none(reply: str) -> None:
    with serving(lambda step, argument, count: reply if step == "MAIL" else None) as server:
        answers, error = sent(backend_to(server), *map(mail, range(5)))
    assert ({type(one) for one in answers.values()}, server.log.mails) == ({Untried}, [])
    assert error is not None and reply in str(error)


def test_a_policy_that_refuses_ten_in_a_row_is_about_us() -> None:
    with serving(
        lambda step, argument, count: "554 5.7.1 relay denied" if step == "RCPT" else None
    ) as server:
        answers, error = sent(backend_to(server), *map(mail, range(50)))
    assert [type(one) for one in answers.values()].count(Refused) == 10
    assert error is not None and "policy" in str(error)


def test_a_server_that_is_not_there_got_nothing() -> None:
    with serving() as server:
        backend = backend_to(server)
    answers, error = sent(backend, mail(1), mail(2))
    assert ({type(one) for one in answers.values()}, error is not None) == ({Untried}, True)


def test_an_address_of_the_house_is_not_called(settings: object) -> None:
    settings.OUTBOUND_ALLOWED = []  # type: ignore[attr-defined]
    with serving() as server:
        _, error = sent(backend_to(server), mail(1))
    assert "internal network" in str(error) and server.log.connections == 0


def test_an_address_that_could_smuggle_a_command_is_refused() -> None:
    with serving() as server:
        answers, _ = sent(backend_to(server), mail(1, recipient="a@b.example>\r\nRSET\r\nMAIL FROM:<x"))
    assert (type(answers["regards-1"]), server.log.commands) == (Refused, [])


def test_bare_line_breaks_cannot_end_a_mail() -> None:
    with serving() as server:
        sent(
            backend_to(server),
            mail(1, raw=b"Subject: x\r\n\r\nhello\n.\nMAIL FROM:<e@vil.example>\r.\r\nbye"),
        )
    assert server.log.mails == [
        b"Subject: x\r\n\r\nhello\r\n..\r\nMAIL FROM:<e@vil.example>\r\n..\r\nbye\r\n"
    ]


def test_a_mail_larger_than_the_server_takes_is_not_handed_over() -> None:
    with serving(features=("PIPELINING", "SIZE 20")) as server:
        answers, _ = sent(backend_to(server), mail(1))
    assert (type(answers["regards-1"]), server.log.commands) == (Refused, [])


def test_nothing_is_handed_over_when_time_is_up() -> None:
    with serving() as server:
        answers, _ = sent(backend_to(server), mail(1), mail(2), deadline=time.monotonic() + 1)
    assert ({type(one) for one in answers.values()}, server.log.mails) == ({Untried}, [])


def test_several_connections_share_a_batch() -> None:
    with serving() as server:
        answers, error = sent(backend_to(server, connections=4), *map(mail, range(200)))
    assert ({type(one) for one in answers.values()}, len(answers), error) == ({Accepted}, 200, None)
    assert (server.log.connections, len(server.log.mails)) == (4, 200)


def test_who_stops_listening_leaves_no_half_mail_behind() -> None:
    with serving() as server:
        backend = backend_to(server)
        answers = iter(backend.send([mail(1), mail(2), mail(3)], deadline=math.inf))
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        again, error = sent(backend, mail(4))
    assert (type(again["regards-4"]), error) == (Accepted, None)
    assert len(server.log.mails) == 2
