"""What a marketer enters about journeys."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.text import slugify
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from accounts.models import User
from campaigns.journeys.documents import JourneyError, parse_document
from campaigns.journeys.starters import STARTERS
from campaigns.journeys.starters import install as install_starter
from campaigns.models import Journey
from common.clock import now
from delivery.models import Sender
from rules.forms import TextInYaml


class JourneyForm(forms.Form):
    """A new journey, from a starter or from nothing."""

    name = forms.CharField(max_length=150, help_text="For you and your colleagues; customers never see it.")
    sender = forms.ModelChoiceField(Sender.objects.all())
    starter = forms.ChoiceField(
        choices=[("", "An empty one"), *((key, one.name) for key, one in STARTERS.items())],
        required=False,
        label="Begin with",
        help_text="A starter brings its steps and mails; change both as you like before it is published.",
    )

    def clean_name(self) -> str:
        """Refuse a name whose key is taken."""
        name: str = self.cleaned_data["name"]
        key = slugify(name)[:80]
        if not key:
            raise forms.ValidationError("Use some letters or digits in the name.")
        if Journey.objects.filter(key=key).exists():
            raise forms.ValidationError("There is a journey of this name already.")
        return name

    def save(self, *, by: User | None) -> Journey:
        """Store the draft, with the starter's templates where it has one."""
        data = self.cleaned_data
        document = install_starter(data["starter"]) if data["starter"] else EMPTY
        return Journey.objects.create(
            key=slugify(data["name"])[:80],
            name=data["name"],
            sender=data["sender"],
            draft=document,
            created_by=by,
        )


EMPTY: dict[str, Any] = {
    "trigger": {"event": "order_placed"},
    "steps": [{"name": "a-day", "wait": {"for": {"days": 1}}}, {"name": "done", "exit": True}],
}


class DocumentForm(forms.Form):
    """The steps as YAML (or JSON), and what becomes of those on the way."""

    base = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    document = TextInYaml(
        rows=24, label="Steps", help_text="What begins it, and steps in order; see docs/journeys.md."
    )
    note = forms.CharField(max_length=300, required=False, help_text="What is new, for your colleagues.")
    move = forms.BooleanField(
        required=False,
        label="Move those on the way into this version",
        help_text="Otherwise they finish the one they entered. Who stands at a step that is gone finishes it anyway.",
    )
    webhook_secret = forms.CharField(
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Signs what webhook steps send. Leave empty to keep the one that is stored.",
    )

    def clean_document(self) -> Any:
        """Return the document; an error names the place."""
        document = self.cleaned_data["document"]
        try:
            parse_document(document)
        except JourneyError as error:
            raise forms.ValidationError(str(error)) from error
        return document

    def clean_webhook_secret(self) -> str:
        """Refuse what cannot sign."""
        secret: str = self.cleaned_data["webhook_secret"]
        try:
            if secret:
                Webhook(secret)
        except (EmptyWebhookSecretError, ValueError) as error:
            raise forms.ValidationError("Expected whsec_ and a secret in base64.") from error
        return secret


class SimulationForm(forms.Form):
    """Who is tried, from when on."""

    customer = forms.CharField(max_length=320, help_text="An address, or an id.")
    start = forms.DateTimeField(
        required=False, help_text="In UTC, such as 2026-11-27 08:00; empty: now.", label="Enters at"
    )
    events_come = forms.BooleanField(
        required=False, label="They do what steps wait for", help_text="Otherwise every such wait runs out."
    )

    def clean_start(self) -> datetime:
        """Return the moment, in UTC, of this century."""
        start: datetime = self.cleaned_data["start"] or now()
        if not 2000 <= start.year < 2200:
            raise forms.ValidationError("Choose a moment from 2000 on.")
        return start.astimezone(UTC)
