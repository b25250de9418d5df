"""Mails that colleagues send to themselves to look at."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from campaigns.models.campaign import Campaign


class TestSend(models.Model):
    """One asking for test mails of a campaign. Its messages are the `dispatch`'s, of the kind *test*."""

    __test__ = False

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="test_sends")
    dispatch = models.OneToOneField("delivery.Dispatch", models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Test of {self.campaign}"
