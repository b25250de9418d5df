"""Templates and the blocks that rules put into them."""

from django.conf import settings
from django.db import models


class Template(models.Model):
    """A mail's layout and words, in immutable versions; a campaign names the one it sends."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """One wording, with what publishing made of it. The database refuses changes (migration 0002)."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=500)
    preheader = models.CharField(max_length=500, blank=True)
    mjml = models.TextField("MJML")
    text = models.TextField("plain text", blank=True, help_text="Leave empty to derive it from the layout.")
    compiled_html = models.TextField(editable=False)
    compiled_text = models.TextField(editable=False)
    links = models.JSONField(default=list, editable=False)
    variables = models.JSONField(default=list, editable=False)
    findings = models.JSONField(default=list, editable=False)
    checksum = models.CharField(max_length=64, editable=False)
    note = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_number")]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"


class Block(models.Model):
    """A piece of content that rules put into a slot: MJML that stands between two sections' columns."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    mjml = models.TextField("MJML", help_text="Elements that may stand in an mj-column; Liquid allowed.")
    compiled_html = models.TextField(editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
