"""What trackers call events, and the webhooks that other systems send theirs to."""

import base64
import secrets
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from common.sealed_field import SealedField
from customers.models.event import EventType

FIRST_CUSTOM_TYPE = 1000


def name_key(name: str) -> str:
    """Return the form in which names are compared: `product_viewed` and `Product  Viewed` are one name."""
    return " ".join(name.replace("_", " ").replace("-", " ").split()).casefold()


class EventName(models.Model):
    """A name that trackers send, and the type of event it becomes.

    A name that counts as nothing known has a number of its own, from 1000 on, which is its type in the event
    table: segments find it as fast as they find views. A number once given stays, so old events keep their name.
    """

    TRACKABLE = (
        EventType.PRODUCT_VIEWED,
        EventType.PAGE_VIEWED,
        EventType.PRODUCT_ADDED,
        EventType.CART_UPDATED,
        EventType.ORDER_PLACED,
        EventType.ORDER_REFUNDED,
        EventType.SEARCHED,
        EventType.SOCIAL_INTERACTION,
    )

    name = models.CharField(max_length=100, help_text="As it is sent, such as Product Viewed")
    key = models.CharField(max_length=300, unique=True, editable=False)
    type = models.SmallIntegerField(
        "counts as",
        null=True,
        blank=True,
        choices=[(int(type), type.label) for type in TRACKABLE],
        help_text="Empty: an event of its own, under its own name",
    )
    number = models.SmallIntegerField(unique=True, null=True, blank=True, editable=False)
    source = models.CharField(
        "first sent by", max_length=50, blank=True, db_default="", default="", editable=False
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the key by which the name is found."""
        self.key = name_key(self.name)
        super().save(*args, **kwargs)

    @property
    def stored_type(self) -> int:
        """The number that new events of this name have in the event table."""
        return self.type or self.number or int(EventType.CUSTOM)


def new_secret() -> str:
    """Return a fresh secret in the form that Standard Webhooks asks for."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


class EventHook(models.Model):
    """An address that another system posts its events to, signed as Standard Webhooks says."""

    name = models.SlugField(
        max_length=50,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9_-]+$", "Lower-case letters, digits, - and _ only.")],
        help_text="The last part of its address: /v1/hooks/<name>",
    )
    mapping = models.JSONField(
        help_text="How records become events; the same mapping that import_events takes"
    )
    secret = SealedField(default=new_secret, help_text="Both sides sign with it: whsec_ and base64")
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
