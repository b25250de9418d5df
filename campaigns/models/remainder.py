"""What became of those who waited for the winner of a test."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from campaigns.models.campaign import Campaign


class RemainderRelease(models.Model):
    """The end of the wait, once a campaign: the arm whose mail they get, and who said so (nobody: the rule did).

    Whoever waited gets what `variant_key` got; empty: no mail. `why` is a sentence that is kept as it was.
    """

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="remainder_release")
    variant_key = models.CharField(max_length=50, blank=True)
    why = models.TextField()
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    released_at = models.DateTimeField(db_default=Now())
    customers = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"Remainder of {self.campaign}"
