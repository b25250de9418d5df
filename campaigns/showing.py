"""A mail shown again as it was sent, from what is kept of it: versions, the facts it named, and its letterhead."""

import hashlib
from dataclasses import dataclass

from campaigns.letters import Contents, Letterhead, as_bytes, rendered
from campaigns.models import BlockVersion
from campaigns.tagging import Tags
from campaigns.templating.render import RenderFailed
from delivery import mime
from delivery.models import Message


class CannotBeShown(Exception):
    """Too little is kept of the mail; the text says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail made again, and whether it is byte for byte what was sent."""

    raw: bytes
    is_identical: bool


def show_again(message: Message) -> Shown:
    """Make a mail again as it was sent; one query for its template, one where it shows blocks.

    Raises CannotBeShown for what was never written, was emptied, or is older than what is kept today.
    """
    resolved = message.resolved
    if not message.content_sha256 or not resolved:
        raise CannotBeShown("Nothing was sent, or the customer was erased.")
    if "letterhead" not in resolved:
        raise CannotBeShown("It was sent before the facts in mails were kept.")
    letterhead = Letterhead(**resolved["letterhead"])
    html = _blocks({*resolved["slots"].values(), *resolved["blocks"].values()})
    contents = Contents(
        template_version_id=resolved["template_version"],
        context=resolved["context"],
        slots={slot: html[version] for slot, version in resolved["slots"].items()},
        blocks={key: html[version] for key, version in resolved["blocks"].items()},
    )
    try:
        mail = rendered(
            contents,
            message_id=message.pk,
            base_url=letterhead.base_url,
            is_tracked=letterhead.is_tracked,
            tags=Tags.of_json(letterhead.tags),
        )
        raw = as_bytes(letterhead, mail, message_id=message.pk, recipient=message.recipient)
    except (RenderFailed, mime.RefusedHeader) as error:
        raise CannotBeShown(f"It cannot be written any more: {error}") from error
    return Shown(raw, hashlib.sha256(raw).hexdigest() == message.content_sha256)


def _blocks(version_ids: set[int]) -> dict[int, str]:
    """The HTML of blocks' versions; they are never deleted."""
    versions = BlockVersion.objects.filter(pk__in=version_ids)
    return dict(versions.values_list("pk", "compiled_html")) if version_ids else {}
