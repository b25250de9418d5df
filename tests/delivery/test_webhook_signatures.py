"""Ten thousand forged reports, over all of Anymail's providers: all refused, and the true one taken."""

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from anymail.signals import tracking
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.core.exceptions import SuspiciousOperation
from django.test import RequestFactory
from standardwebhooks import Webhook

from delivery.webhook_urls import PROVIDERS, view_of
from delivery.webhooks import take_report

FLIPS = 10_000 // len(PROVIDERS) + 1
SECRET = base64.b64encode(b"twenty-four bytes of key").decode()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
JSON = "application/json"
BY_NAME = {provider.name: provider for provider in PROVIDERS}


@dataclass
class Post:
    """A signed report: what is sent, and which of it the signature covers."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    signature: bytes = b""
    wear: Callable[[bytes], dict[str, str]] = lambda signature: {}
    """The headers that carry a signature."""
    signed_body: bool = True


def public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return base64.b64encode(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()


def basic() -> Post:
    def wear(signature: bytes) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(signature).decode()}

    return Post(
        body=json.dumps({"Type": "Notification", "MessageId": "1"}).encode(),
        headers={"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": "1"},
        signature=b"shop:long-password",
        wear=wear,
        signed_body=False,
    )


def hex_hmac(header: str) -> Callable[[], Post]:
    def make() -> Post:
        body = json.dumps({"type": "x", "data": {"email": {"message": {}}}, "events": []}).encode()
        digest = hmac.digest(SECRET.encode(), body, "sha256")
        return Post(body=body, signature=digest, wear=lambda signature: {header: signature.hex()})

    return make


def mandrill() -> Post:
    events = json.dumps([])
    url = "http://127.0.0.1:8000/webhooks/esp/mandrill/tracking/"
    digest = hmac.digest(SECRET.encode(), f"{url}mandrill_events{events}".encode(), "sha1")
    return Post(
        body=events.encode(),
        signature=digest,
        wear=lambda signature: {"X-Mandrill-Signature": base64.b64encode(signature).decode()},
        content_type="application/x-www-form-urlencoded",
    )


def postal() -> Post:
    body = json.dumps({"uuid": "u", "payload": {"message": {"direction": "incoming"}}}).encode()
    signature = RSA.sign(body, padding.PKCS1v15(), hashes.SHA1())
    return Post(
        body=body,
        signature=signature,
        wear=lambda signature: {"X-Postal-Signature": base64.b64encode(signature).decode()},
    )


def sendgrid() -> Post:
    signature = EC.sign(b"1767225600[]", ec.ECDSA(hashes.SHA256()))

    def wear(signature: bytes) -> dict[str, str]:
        name = "X-Twilio-Email-Event-Webhook"
        return {f"{name}-Timestamp": "1767225600", f"{name}-Signature": base64.b64encode(signature).decode()}

    return Post(body=b"[]", signature=signature, wear=wear)


def resend() -> Post:
    body, at = json.dumps({"type": "email.sent", "data": {}}).encode(), int(time.time())
    text = f"m1.{at}.{body.decode()}".encode()
    digest = hmac.digest(base64.b64decode(SECRET), text, "sha256")
    assert Webhook(SECRET)

    def wear(signature: bytes) -> dict[str, str]:
        signed = "v1," + base64.b64encode(signature).decode()
        return {"svix-id": "m1", "svix-timestamp": str(at), "svix-signature": signed}

    return Post(body=body, signature=digest, wear=wear)


def unisender_go() -> Post:
    text = json.dumps({"auth": "AUTH", "events_by_user": []}, separators=(",", ":"))
    auth = hashlib.md5(text.replace("AUTH", SECRET).encode(), usedforsecurity=False).hexdigest()
    return Post(body=text.replace("AUTH", auth).encode())


def mailgun() -> Post:
    signature = hmac.new(SECRET.encode(), b"1767225600token", hashlib.sha256).hexdigest()
    head = {"timestamp": "1767225600", "token": "token", "signature": signature}
    return Post(body=json.dumps({"signature": head}).encode())


POSTS: dict[str, tuple[str, Callable[[], Post]]] = {
    "mailersend": (SECRET, hex_hmac("Signature")),
    "mailgun": (SECRET, mailgun),
    "mailtrap": (SECRET, hex_hmac("Mailtrap-Signature")),
    "mandrill": (SECRET, mandrill),
    "postal": (public(RSA), postal),
    "resend": (SECRET, resend),
    "sendgrid": (public(EC), sendgrid),
    "unisender-go": (SECRET, unisender_go),
}


def flipped(post: Post, chance: random.Random, times: int) -> Iterator[tuple[bytes, bytes]]:
    """Bodies and signatures with one bit turned, each somewhere in what is signed."""
    body_bits, all_bits = (
        len(post.body) * 8 * post.signed_body,
        len(post.body) * 8 * post.signed_body + len(post.signature) * 8,
    )
    for _ in range(times):
        bit = chance.randrange(all_bits)
        body, signature = bytearray(post.body), bytearray(post.signature)
        if bit < body_bits:
            body[bit // 8] ^= 1 << bit % 8
        else:
            signature[(bit - body_bits) // 8] ^= 1 << bit % 8
        yield bytes(body), bytes(signature)


@pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning")
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_no_turned_bit_gets_through(name: str) -> None:
    secret, make = POSTS.get(name, ("shop:long-password", basic))
    post, reports = make(), RequestFactory()
    view = view_of(BY_NAME[name], secret)
    heard: list[object] = []
    tracking.disconnect(take_report)
    listener = lambda **news: heard.append(news)  # noqa: E731
    tracking.connect(listener)

    def is_verified(body: bytes, signature: bytes) -> bool:
        sent = urlencode({"mandrill_events": body}).encode() if name == "mandrill" else body
        headers = post.headers | post.wear(signature)
        try:
            view(reports.post("/", sent, content_type=post.content_type, headers=headers))
        except SuspiciousOperation as error:
            return str(error) == "This is not a report."
        return True

    try:
        through = [flip for flip in flipped(post, random.Random(name), FLIPS) if is_verified(*flip)]
        assert (through, heard) == ([], [])
        assert is_verified(post.body, post.signature)
    finally:
        tracking.disconnect(listener)
        tracking.connect(take_report)
