"""A person, and the names that other systems have for them."""

import uuid

from django.db import models
from django.db.models.functions import Now
from timezone_field import TimeZoneField

from products.models import Store


class CustomerQuerySet(models.QuerySet["Customer"]):
    """Customers, by what may be done with them."""

    def known(self) -> "CustomerQuerySet":
        """Customers with a name to them; anonymous visitors, and profiles merged into others, are in no count."""
        return self.filter(is_anonymous=False)

    def named(self, public_id: uuid.UUID | str) -> "Customer | None":
        """Return the customer with this public id, or whom that profile was merged into; None where there is none.

        Raises ValidationError for a text that is no UUID. One query, and one more for each merge on the way.
        """
        found = self.select_related("merged_into").filter(public_id=public_id).first()
        while found is not None and found.merged_into is not None:
            found = found.merged_into
        return found

    def consenting(self, purpose: str = "marketing_email") -> "CustomerQuerySet":
        """Customers who granted the purpose and have not taken it back."""
        return self.filter(consents__purpose=purpose, consents__is_granted=True)

    def shareable(self) -> "CustomerQuerySet":
        """Customers whose data may go to others: every push out of the house begins here (CCPA, GPC)."""
        return self.known().filter(do_not_sell=False)


class Customer(models.Model):
    """One person. `email` is in its canonical form (see `customers.addresses`); NULL where none is known.

    A profile that was merged into another stays behind as its alias: `merged_into` says where to look, it has no
    address, counts as anonymous, and keeps what could not move. `traits_at` holds when each field was told, in
    seconds since 1970; attributes are named `attributes.<key>`.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.CharField(max_length=320, null=True, blank=True, unique=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    gender = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2, such as GB")
    region = models.CharField(max_length=100, blank=True)
    city = models.CharField(max_length=100, blank=True)
    timezone = TimeZoneField(null=True, blank=True, use_pytz=False)
    locale = models.CharField(max_length=20, blank=True)
    device = models.CharField(max_length=20, blank=True)
    signed_up_at = models.DateTimeField(null=True, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    traits_at = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    is_anonymous = models.BooleanField(default=False)
    allows_profiling = models.BooleanField(
        default=True, help_text="Off: no model learns from or scores this person; they get bestsellers."
    )
    do_not_sell = models.BooleanField(
        "do not sell or share",
        default=False,
        db_default=False,
        help_text="On: nothing of this person goes to others.",
    )
    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="What is left counts orders and amounts"
    )
    source = models.CharField(max_length=50, blank=True, help_text="Where the profile came from first")
    stage = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Of the lifecycle, by key",
    )
    stage_since = models.DateTimeField(null=True, blank=True, editable=False)
    nearest_store = models.ForeignKey(
        Store,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
        help_text="Made by `customers.locating`",
    )
    nearest_store_km = models.DecimalField(
        max_digits=7, decimal_places=1, null=True, blank=True, editable=False
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    objects = CustomerQuerySet.as_manager()
    on_merge = "leave"

    class Meta:
        indexes = [
            models.Index(fields=["country"], name="customer_country"),
            models.Index(
                fields=["merged_into"],
                condition=models.Q(merged_into__isnull=False),
                name="customer_merged_into",
            ),
            models.Index(
                fields=["nearest_store"],
                condition=models.Q(nearest_store__isnull=False),
                name="customer_nearest_store",
            ),
            models.Index(fields=["id"], condition=models.Q(erased_at__isnull=False), name="customer_erased"),
            # Every segment asks who is known: read from here alone, without the wide rows.
            models.Index(fields=["id"], condition=models.Q(is_anonymous=False), name="customer_known"),
            models.Index(fields=["id"], condition=models.Q(is_anonymous=True), name="customer_visitor"),
        ]

    def __str__(self) -> str:
        kind = "Erased" if self.erased_at else "Anonymous"
        return self.full_name or self.email or f"{kind} {str(self.public_id)[:8]}"

    @property
    def full_name(self) -> str:
        """First and last name with one space, or an empty string."""
        return f"{self.first_name} {self.last_name}".strip()


class CustomerIdentity(models.Model):
    """The id by which one source knows a customer, or an address that they have beside their own."""

    EMAIL = "email"  # the namespace of further addresses

    class Way(models.TextChoices):
        OWN = "", "Named by its source"
        EMAIL = "email", "Came with the customer's address"
        DEVICE = "device", "Signed in on the device"
        ALIAS = "alias", "Its source said so"

    namespace = models.CharField(max_length=50)
    value = models.CharField(max_length=320)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="identities")
    attached_by = models.CharField(
        max_length=10, choices=Way.choices, blank=True, db_default="", default=Way.OWN
    )
    created_at = models.DateTimeField(db_default=Now())

    on_merge = "move"

    class Meta:
        verbose_name_plural = "customer identities"
        constraints = [models.UniqueConstraint(fields=["namespace", "value"], name="identity_unique")]

    def __str__(self) -> str:
        return f"{self.namespace}:{self.value}"
