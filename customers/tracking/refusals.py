"""Why something that was sent is refused: a whole request, or one item of a batch, and in which words."""

from http import HTTPStatus
from typing import Any

import msgspec

REASONS = {
    "bad_birth_date": "Write the date as 1990-12-31.",
    "bad_country": "Give the country as two letters, such as GB.",
    "bad_currency": "Give the currency as three capital letters, such as EUR.",
    "bad_email": "This is not an e-mail address.",
    "bad_product_id": "Give the product an id of 1 to 200 characters.",
    "bad_signed_up_at": "Write the time as 2026-01-31T12:00:00Z, or as Unix seconds.",
    "bad_timezone": "This time zone is not known; give one such as Europe/Dublin.",
    "before_1990": "The time is before 1990.",
    "blank_name": "Give the event a name.",
    "currency_differs_from_order": "The order is kept in another currency.",
    "customer_erased": "This person was erased on request; nothing more is kept of them.",
    "in_the_future": "The time is more than a day ahead.",
    "malformed": "This is not valid JSON.",
    "missing_amount": "Say how much was refunded (total), or of which order (order_id).",
    "missing_group": "Name the group (groupId).",
    "missing_order": "Give the order an id (order_id).",
    "missing_previous_id": "Name the id that this person had before (previousId).",
    "missing_type": "Give the type: identify, track, page, screen, group or alias.",
    "no_customer": "Say who it was: userId or anonymousId.",
    "not_an_amount": "Give the amount as a number, in major units.",
    "not_whole": "Give a whole number.",
    "nul_character": "The text contains the NUL character, which cannot be stored.",
    "number_out_of_range": "A number is too large to be stored.",
    "refund_not_positive": "A refund is a positive amount.",
    "too_deep": "It is nested more than 20 levels deep.",
    "too_large": "The item is larger than 32 KB.",
    "too_long": "The text is too long.",
    "too_many": "There are too many of them.",
    "too_many_products": "An order may have at most 500 products.",
    "wrong_type": "The value is of the wrong type.",
}

FIELDS = {
    "bad_email": "traits.email",
    "bad_currency": "properties.currency",
    "bad_product_id": "properties.product_id",
    "before_1990": "timestamp",
    "currency_differs_from_order": "properties.currency",
    "customer_erased": "userId",
    "customer_too_long": "userId",
    "anonymous_too_long": "anonymousId",
    "in_the_future": "timestamp",
    "no_customer": "userId",
    "number_out_of_range": "properties",
    "refund_not_positive": "properties.total",
}


class ItemRefusal(msgspec.Struct, rename="camel", kw_only=True):
    """Why one item was refused: which one, and the field that is at fault.

    `index` counts from 0; `reason` is for programs, `detail` for people.
    """

    index: int
    message_id: str | None
    field: str
    reason: str
    detail: str


class BadItem(ValueError):
    """An item cannot be taken: the field and the reason, and a sentence where the reason's own is too general."""

    def __init__(self, field: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason
        self.detail = detail or REASONS.get(reason) or reason.replace("_", " ").capitalize() + "."

    def at(self, index: int, message_id: str | None) -> ItemRefusal:
        """Return the refusal of the item at this place of its batch."""
        return ItemRefusal(
            index=index, message_id=message_id, field=self.field, reason=self.reason, detail=self.detail
        )


class BadRequest(Exception):
    """The whole request is refused with a status and a sentence; nothing was stored."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: list[ItemRefusal] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.headers = errors or [], headers or {}

    @property
    def problem(self) -> dict[str, Any]:
        """The refusal as RFC 9457 problem details; `code` and `message` are what the stock clients print."""
        told: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "code": self.status.name.lower(),
            "message": self.detail,
        }
        return told | ({"errors": self.errors} if self.errors else {})
