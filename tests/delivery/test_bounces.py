"""What a bounce means, and what follows from it."""

import pytest

from delivery.bounces import classify, said_by


@pytest.mark.parametrize(
    ("text", "kind", "meant"),
    [
        ("550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", "", "hard"),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", "", "hard"),
        ("550 5.2.1 The email account that you tried to reach is disabled", "", "hard"),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", "", "hard"),
        ("550 5.4.1 Recipient address rejected: Access denied", "", "policy"),
        ("550 No such user here", "", "hard"),
        ("552 5.2.2 The recipient's mailbox is full", "", "soft"),
        ("452 4.2.2 Mailbox full", "hard_bounce", "soft"),
        ("451 4.7.1 Greylisting in action, please come back later", "", "soft"),
        ("421 4.7.0 [TSS04] Messages temporarily deferred", "", "soft"),
        ("550 5.7.1 Message rejected as spam by content filtering", "", "policy"),
        ("550-5.7.26 This mail is unauthenticated", "permanent", "policy"),
        ("554 5.7.1 Service unavailable; client host blocked using a list", "", "policy"),
        ("550 5.7.13 User account is disabled", "", "hard"),
        ("550 5.7.1 Your account is disabled", "", "policy"),
        ("550 5.7.1 User unknown", "", "hard"),
        ("550 5.1.0 <news@shop.example>: Sender address rejected", "", "policy"),
        ("554 5.1.0 sender denied", "", "policy"),
        ("550 5.1.0 No such user here", "", "hard"),
        ("550 5.1.0 Address rejected", "", "other"),
        ("550 5.1.0 AUP#CDRBL", "hard", "policy"),
        ("550 5.1.8 Sender address rejected: domain not found", "", "policy"),
        ("552 5.2.3 Message exceeds maximum fixed size", "", "other"),
        ("554 5.6.0 Corrupt message content", "", "other"),
        ("5.0.0 (undefined status)", "", "other"),
        ("", "SoftBounce", "soft"),
        ("smtp;550 5.1.1 User unknown", "SoftBounce", "soft"),
        ("", "HardBounce", "hard"),
        ("", "bounced", "hard"),
        ("", "invalid", "hard"),
        ("", "DMARCPolicy", "policy"),
        ("we do not like it", "", "other"),
        ("12.5.1.1 is an address, 5.1.1.9 too", "", "other"),
    ],
)
def test_a_bounce_is_of_the_class_that_code_words_and_provider_say(text: str, kind: str, meant: str) -> None:
    assert classify(text=text, kind=kind) == meant


def test_a_code_given_apart_goes_before_the_words() -> None:
    assert classify(code="4.2.2", text="User unknown") == "soft"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"RecordType": "Bounce", "Type": "SoftBounce"}, "SoftBounce"),
        ({"event": "hard_bounce"}, "hard_bounce"),
        ({"event-data": {"event": "failed", "severity": "temporary"}}, "temporary"),
        ({"bounce": {"bounceType": "Permanent"}}, "Permanent"),
        ({"event": "bounce", "hard_bounce": False}, "soft"),
        ({"event": "bounce", "hard_bounce": True}, "hard"),
        ({"event": "bounce", "type": "blocked"}, "blocked"),
        ({"event": "delivered"}, ""),
        ("no object", ""),
    ],
)
def test_what_the_provider_calls_it_is_found(raw: object, said: str) -> None:
    assert said_by(raw) == said
