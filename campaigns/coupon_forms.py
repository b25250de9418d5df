"""The forms in which pools of coupon codes are made and filled."""

from django import forms

from campaigns.models import CouponPool

LARGEST_PASTE = 2_000_000


class PoolForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new pool."""

    class Meta:
        model = CouponPool
        fields = ["name", "key"]
        help_texts = {"key": "Templates say {{ coupons.KEY }}: letters, digits, hyphens and underscores."}


class CodesForm(forms.Form):
    """Codes to add to a pool."""

    codes = forms.CharField(
        max_length=LARGEST_PASTE,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "font-monospace"}),
        help_text="One a line. Codes that the pool has already are left as they are.",
    )
