"""Templates and the blocks that stand in them."""

from django.conf import settings
from django.db import models


class Version(models.Model):
    """One of the numbered wordings of something, by whom and why; what each adds is never changed."""

    number = models.PositiveIntegerField()
    note = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-number"]


class Template(models.Model):
    """A mail's layout and words, in immutable versions; a campaign names the one it sends."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PublishedVersions(models.Manager["TemplateVersion"]):
    """The versions of templates' histories, without those that arms of campaigns made of them."""

    def get_queryset(self) -> models.QuerySet["TemplateVersion"]:
        """Leave out what stands in no history."""
        return super().get_queryset().filter(origin=None)


class TemplateVersion(Version):
    """One wording, with what publishing made of it. The database refuses changes (migration 0002).

    An arm of a campaign with a subject or preheader of its own has a version too. Its `origin` is the version that it
    says again with these words, whose number it has; it stands in no history, and `objects` leaves it out.
    """

    template = models.ForeignKey(Template, models.PROTECT, related_name="versions")
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
    origin = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = PublishedVersions()
    everything = models.Manager["TemplateVersion"]()

    class Meta(Version.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["template", "number"],
                condition=models.Q(origin=None),
                name="template_version_number",
            )
        ]

    def __str__(self) -> str:
        own = ", own words" if self.origin_id is not None else ""
        return f"{self.template} v{self.number}{own}"


class Block(models.Model):
    """A piece of content for slots and templates, in immutable versions; what is shown is the newest."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    newest = models.OneToOneField(
        "campaigns.BlockVersion", models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BlockVersion(Version):
    """One wording of a block: MJML that stands between two sections' columns. The database refuses changes."""

    block = models.ForeignKey(Block, models.PROTECT, related_name="versions")
    mjml = models.TextField("MJML")
    compiled_html = models.TextField(editable=False)
    findings = models.JSONField(default=list, editable=False)

    class Meta(Version.Meta):
        constraints = [models.UniqueConstraint(fields=["block", "number"], name="block_version_number")]

    def __str__(self) -> str:
        return f"{self.block} v{self.number}"
