"""Where the shop has stores, what is on there, and where cities lie."""

from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

_COUNTRY = RegexValidator(r"^[A-Z]{2}\Z", "Two capital letters, such as GB.")
_URL = URLValidator(["http", "https"])
_LATITUDE = (MinValueValidator(-90), MaxValueValidator(90))
_LONGITUDE = (MinValueValidator(-180), MaxValueValidator(180))


class Store(models.Model):
    """One shop that customers can walk into, known by its source's own id."""

    name = models.CharField(max_length=200)
    source = models.CharField(max_length=50, default="own")
    external_id = models.CharField("id", max_length=200)
    country = models.CharField(
        max_length=2, validators=[_COUNTRY], help_text="ISO 3166-1 alpha-2, such as GB"
    )
    region = models.CharField(
        max_length=100, blank=True, help_text="Region or sales area; promotions go by its name."
    )
    city = models.CharField(max_length=100, blank=True)
    street = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    latitude = models.FloatField(validators=_LATITUDE)
    longitude = models.FloatField(validators=_LONGITUDE)
    url = models.CharField(max_length=500, blank=True, validators=[_URL])
    opening_hours = models.CharField(max_length=300, blank=True, help_text="As people read it: Mon–Sat 9–18")
    is_open = models.BooleanField(
        "open", default=True, help_text="Off: closed for good or for now; it is nobody’s nearest store."
    )
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="store_source_id"),
            models.CheckConstraint(
                condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)), name="store_on_earth"
            ),
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="store_country_code"),
        ]
        indexes = [models.Index(fields=["latitude"], condition=Q(is_open=True), name="store_open_latitude")]

    def __str__(self) -> str:
        return self.name

    def as_context(self) -> dict[str, Any]:
        """Return what a template sees of this store: only what has a value, so that `default:` takes effect."""
        names = ("name", "country", "region", "city", "street", "postal_code", "url", "opening_hours")
        told = {name: value for name in names if (value := getattr(self, name))}
        return told | {"id": self.external_id}


class PromotionQuerySet(models.QuerySet["Promotion"]):
    """Promotions, by when they run."""

    def running(self, at: datetime) -> "PromotionQuerySet":
        """Those that have begun and are not over."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at)


class Promotion(models.Model):
    """Something that is on for a while in some stores, regions or countries; where none is named, everywhere."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until further notice")
    stores = models.ManyToManyField(Store, blank=True, related_name="promotions")
    regions = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Regions of stores or customers, separated by commas",
    )
    countries = ArrayField(
        models.CharField(max_length=2, validators=[_COUNTRY]),
        default=list,
        blank=True,
        help_text="Such as GB, IE",
    )
    headline = models.CharField(max_length=200)
    text = models.TextField(max_length=2000, blank=True)
    url = models.CharField(max_length=500, blank=True, validators=[_URL])
    code = models.CharField(max_length=50, blank=True, help_text="What customers type at the checkout")

    objects = PromotionQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "key"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="promotion_ends_after_start",
                violation_error_message="A promotion ends after it began.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def as_context(self) -> dict[str, Any]:
        """Return what a template sees of this promotion: only what has a value."""
        names = ("key", "name", "headline", "text", "url", "code")
        told: dict[str, Any] = {name: value for name in names if (value := getattr(self, name))}
        return told | ({"ends_on": self.ends_at.date().isoformat()} if self.ends_at else {})


class Place(models.Model):
    """A name of a city in a country, and where the largest city of that name lies (see `products.places`)."""

    country = models.CharField(max_length=2)
    name_key = models.CharField(max_length=100, help_text="As `products.places.name_key` spells it")
    name = models.CharField(max_length=100)
    population = models.IntegerField()
    latitude = models.FloatField()
    longitude = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["country", "name_key"], name="place_once_a_country")]
        indexes = [models.Index(fields=["name_key", "-population"], name="place_by_name")]

    def __str__(self) -> str:
        return f"{self.name}, {self.country}"
