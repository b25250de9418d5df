"""Pairs of profiles that may be one person, and what somebody decided about them."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from customers.models.customer import Customer
from customers.models.order import Order, Refund


class DuplicateQuerySet(models.QuerySet["DuplicatePair"]):
    """Pairs, by what is to be done with them."""

    def waiting(self) -> "DuplicateQuerySet":
        """Pairs that nobody has decided on; those of whom one was merged meanwhile need no decision."""
        return self.filter(
            state=DuplicatePair.State.WAITING, first__merged_into=None, second__merged_into=None
        )


class DuplicatePair(models.Model):
    """Two profiles, the older id first, and why they may be one. A decision is remembered."""

    class Reason(models.TextChoices):
        NAME_AND_BIRTHDAY = "name", "Born on the same day, and nearly the same name"
        PHONE = "phone", "The same phone number"
        ADDRESS = "address", "The same e-mail address"
        ALIAS = "alias", "A source says that they are one"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        MERGED = "merged", "Merged"
        DIFFERENT = "different", "Different people"

    first = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    second = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    reason = models.CharField(max_length=10, choices=Reason.choices)
    evidence = models.CharField(max_length=300, blank=True)
    likeness = models.FloatField(default=1, help_text="How alike, from 0 to 1")
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.WAITING, db_default="waiting"
    )
    found_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = DuplicateQuerySet.as_manager()
    on_merge = "leave"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="duplicate_pair_in_order"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state="waiting"), name="duplicate_waiting")]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}"


class SourcePolicy(models.Model):
    """What a source's word is worth when it names somebody. Sources without a row follow the defaults."""

    source = models.CharField(max_length=50, unique=True)
    attaches_by_email = models.BooleanField(
        "attach by e-mail",
        default=True,
        help_text="On: a new id with a known address belongs to the customer who has it. Off: it gets a profile"
        " of its own, and the two are listed as suspected duplicates.",
    )
    orders_namespace = models.CharField(
        "names orders in",
        max_length=50,
        blank=True,
        db_default="",
        validators=[RegexValidator(r"^[a-z0-9_-]+$", "Lower-case letters, digits, - and _ only.")],
        help_text="The same word for every source that tells the same orders under the same numbers, such as shop."
        " Empty: its orders are its own. Decide before the first order comes: those stored stay where they are.",
    )
    orders_rank = models.PositiveSmallIntegerField(
        "is believed about orders",
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text="Of two sources the one with the higher number is believed: a storefront 10, a webhook 20, the"
        " books 30.",
    )
    changes_email = models.BooleanField(
        "change the address",
        default=False,
        db_default=False,
        help_text="On: when it tells a new address for a known id, mail goes there, once it is agreed to again. Only"
        " for sources that nobody else can speak for: a write key in a public page lets anybody tell addresses."
        " Off: the address stays, and the new one is noted on the profile.",
    )

    class Meta:
        verbose_name_plural = "source policies"
        ordering = ["source"]

    def __str__(self) -> str:
        return self.source

    def clean(self) -> None:
        """Refuse another namespace once orders stand under the old one: each would be read again as a second order."""
        stored = SourcePolicy.objects.filter(pk=self.pk).values_list("orders_namespace", flat=True).first()
        if self.orders_namespace != (stored or "") and self.has_orders_elsewhere(self.orders_namespace):
            raise ValidationError(
                {
                    "orders_namespace": f"There are orders of {self.source} already, and they stay where they are:"
                    " read again under this name, each would be there twice."
                }
            )

    def has_orders_elsewhere(self, namespace: str) -> bool:
        """Whether the source is believed about an order or refund outside of this namespace (empty: its own)."""
        elsewhere = Q(told_by=self.source) & ~Q(source=namespace or self.source)
        return Order.objects.filter(elsewhere).exists() or Refund.objects.filter(elsewhere).exists()
