"""Pools of coupon codes, each given to one message."""

from django.db import models
from django.db.models import Q


class CouponPool(models.Model):
    """Codes of one kind, known to templates as `coupons.KEY`."""

    key = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name


class CouponCode(models.Model):
    """One code; once given to a message it is never given again."""

    pool = models.ForeignKey(CouponPool, models.PROTECT, related_name="codes", db_index=False)
    code = models.CharField(max_length=100)
    message = models.ForeignKey(
        "delivery.Message", models.PROTECT, null=True, editable=False, related_name="coupons"
    )
    given_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pool", "code"], name="coupon_code_once"),
            models.UniqueConstraint(fields=["pool", "message"], name="coupon_one_a_message"),
        ]
        indexes = [models.Index(fields=["pool", "id"], condition=Q(message=None), name="coupon_free")]

    def __str__(self) -> str:
        return self.code
