"""Who wants the weekly digest, and who got which."""

from django.conf import settings
from django.db import models


class DigestSubscription(models.Model):
    """A colleague who wants the weekly digest."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"Digest for {self.user_id}"


class DigestMail(models.Model):
    """One week's digest to one colleague. Made with its letter in one transaction, so that there is one."""

    week = models.DateField(help_text="The Monday of the week that it tells about")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    letter = models.OneToOneField("delivery.Letter", models.CASCADE, related_name="digest")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["week", "user"], name="digest_once_a_week")]

    def __str__(self) -> str:
        return f"Digest of {self.week} for {self.user_id}"
