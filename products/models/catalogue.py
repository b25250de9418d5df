"""The catalogue: what the shop sells, in a tree of categories."""

from typing import Any

from django.db import models


class Category(models.Model):
    """A node of the category tree. `path` is the whole way down, `camping/tents`."""

    name = models.CharField(max_length=200)
    path = models.CharField(max_length=500, unique=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")

    class Meta:
        verbose_name_plural = "categories"
        ordering = ["path"]

    def __str__(self) -> str:
        return self.path


class ProductQuerySet(models.QuerySet["Product"]):
    """Products, by what can be done with them."""

    def available(self) -> "ProductQuerySet":
        """Products that may be recommended today."""
        return self.filter(is_available=True)


class Product(models.Model):
    """One thing for sale, known by its source's own id."""

    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    name = models.CharField(max_length=300)
    brand = models.CharField(max_length=100, blank=True)
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="products")
    price_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    url = models.CharField(max_length=500, blank=True)
    image_url = models.CharField(
        max_length=500, blank=True, help_text="Absolute, or a path on this host such as /media/products/7.png"
    )
    is_available = models.BooleanField(default=True)
    attributes = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="product_source_id"),
            models.CheckConstraint(condition=models.Q(price_minor__gte=0), name="product_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name

    def as_context(self) -> dict[str, Any]:
        """Return what a template sees of this product; the category must be loaded."""
        return {
            "id": self.pk,
            "external_id": self.external_id,
            "name": self.name,
            "brand": self.brand,
            "category": self.category.path if self.category else "",
            "price_minor": self.price_minor,
            "currency": self.currency,
            "url": self.url,
            "image_url": self.image_url,
        }
