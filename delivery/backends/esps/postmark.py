"""Postmark finds a mail by its metadata; bulk mail has a stream of its own."""

from typing import Any

from delivery.answers import Answer, Deferred, InDoubt
from delivery.backends.esps.esp import METADATA_KEY, Connection, Esp
from delivery.backends.fields import Field
from delivery.backends.side_by_side import Halt

_ABOUT_US = frozenset({10, 400, 401, 402, 405, 412, 413, 1235})
"""Token, sender signature, credits, approval and stream: the next mail would be refused alike."""


def _judge(response: Any, halt: Halt) -> Answer | None:
    try:
        said = response.json()
        code, text = int(said["ErrorCode"]), str(said["Message"])
    except (ValueError, LookupError, TypeError):
        return None
    if code not in _ABOUT_US:
        return None
    halt.begin(f"Postmark takes nothing: {code} {text}"[:200])
    return Deferred(reason=f"{code} {text}"[:200])


def _ask(connection: Connection, key: str) -> str:
    stream = connection.message_stream or "outbound"  # type: ignore[attr-defined]
    response = connection.session.get(
        f"{connection.api_url}messages/outbound",
        params={"count": 1, "offset": 0, "messagestream": stream, f"metadata_{METADATA_KEY}": key},
        headers={
            "Accept": "application/json",
            "X-Postmark-Server-Token": connection.server_token,  # type: ignore[attr-defined]
        },
        timeout=connection.timeout,  # type: ignore[attr-defined]
    )
    response.raise_for_status()
    found = [one for one in response.json()["Messages"] if one["Metadata"].get(METADATA_KEY) == key]
    return str(found[0]["MessageID"]) if found else ""


ESP = Esp(
    name="postmark",
    fields=(
        Field(name="server_token", label="Server API token", is_secret=True),
        Field(
            name="message_stream",
            label="Message stream",
            default="broadcast",
            help_text="Postmark asks for bulk mail in a broadcast stream.",
        ),
    ),
    in_doubt=InDoubt.ASK,
    judge=_judge,
    ask=_ask,
    spf_include="spf.mtasv.net",
    dkim_selectors=("pm", "20161001", "20240501"),
)
