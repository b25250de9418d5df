"""Where mail providers report, and hand over mail: an address exists only with the secret that verifies its callers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView, SvixWebhookValidationMixin
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.module_loading import import_string
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.permissions import View


class _ResendView(ResendTrackingWebhookView):  # type: ignore[misc]
    """Resend signs as the standard says, with its forwarder's header names; Anymail asks for that one's library."""

    resend_secret: str = ""
    _svix_webhook = None

    def __init__(self, **kwargs: Any) -> None:
        super(SvixWebhookValidationMixin, self).__init__(**kwargs)

    def validate_request(self, request: HttpRequest) -> None:
        names = ("id", "timestamp", "signature")
        headers = {f"webhook-{name}": request.headers.get(f"svix-{name}", "") for name in names}
        try:
            Webhook(self.resend_secret).verify(request.body, headers)
        except WebhookVerificationError as error:
            raise AnymailWebhookValidationFailure("Resend webhook called with incorrect signature") from error


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider's view of Anymail's, and which of its parameters takes the secret."""

    name: str
    view: str
    takes: str = "basic_auth"

    @property
    def is_signed(self) -> bool:
        """Whether it signs its reports; the others call with a name and a password."""
        return self.takes != "basic_auth"


_ANYMAIL = "anymail.webhooks"
PROVIDERS = (
    Provider(name="amazon-ses", view=f"{_ANYMAIL}.amazon_ses.AmazonSESTrackingWebhookView"),
    Provider(name="brevo", view=f"{_ANYMAIL}.brevo.BrevoTrackingWebhookView"),
    Provider(
        name="mailersend",
        view=f"{_ANYMAIL}.mailersend.MailerSendTrackingWebhookView",
        takes="signing_secret",
    ),
    Provider(
        name="mailgun", view=f"{_ANYMAIL}.mailgun.MailgunTrackingWebhookView", takes="webhook_signing_key"
    ),
    Provider(name="mailjet", view=f"{_ANYMAIL}.mailjet.MailjetTrackingWebhookView"),
    Provider(
        name="mailtrap", view=f"{_ANYMAIL}.mailtrap.MailtrapTrackingWebhookView", takes="tracking_secret"
    ),
    Provider(name="mandrill", view=f"{_ANYMAIL}.mandrill.MandrillCombinedWebhookView", takes="webhook_key"),
    Provider(name="postal", view=f"{_ANYMAIL}.postal.PostalTrackingWebhookView", takes="webhook_key"),
    Provider(name="postmark", view=f"{_ANYMAIL}.postmark.PostmarkTrackingWebhookView"),
    Provider(name="resend", view=f"{__name__}._ResendView", takes="resend_secret"),
    Provider(
        name="sendgrid",
        view=f"{_ANYMAIL}.sendgrid.SendGridTrackingWebhookView",
        takes="tracking_webhook_verification_key",
    ),
    Provider(name="sparkpost", view=f"{_ANYMAIL}.sparkpost.SparkPostTrackingWebhookView"),
    Provider(
        name="unisender-go", view=f"{_ANYMAIL}.unisender_go.UnisenderGoTrackingWebhookView", takes="api_key"
    ),
)
"""All of Anymail's; Scaleway has no reports there."""
INBOUND = (
    Provider(
        name="mailgun", view=f"{_ANYMAIL}.mailgun.MailgunInboundWebhookView", takes="webhook_signing_key"
    ),
    Provider(name="mailjet", view=f"{_ANYMAIL}.mailjet.MailjetInboundWebhookView"),
    Provider(name="postmark", view=f"{_ANYMAIL}.postmark.PostmarkInboundWebhookView"),
    Provider(name="sendgrid", view=f"{_ANYMAIL}.sendgrid.SendGridInboundWebhookView"),
    Provider(name="sparkpost", view=f"{_ANYMAIL}.sparkpost.SparkPostInboundWebhookView"),
)
"""Those that hand over a received mail as it is; Mandrill's does so at the address of its reports."""


def view_of(provider: Provider, secret: str) -> View:
    """The view that takes a provider's reports if this secret verifies them; others get a 400 and leave no trace."""
    original: type[AnymailBaseWebhookView] = import_string(provider.view)

    class Report(original):  # type: ignore[misc]
        warn_if_no_basic_auth = False

        def run_validators(self, request: HttpRequest) -> None:
            with _refusing("This is not signed as agreed."):
                super().run_validators(request)

        def parse_events(self, request: HttpRequest) -> Any:
            with _refusing("This is not a report."):
                return super().parse_events(request)

    given: dict[str, Any] = {provider.takes: secret if provider.is_signed else [secret]}
    if provider.name == "mandrill":
        given["webhook_url"] = f"{settings.BASE_URL}/webhooks/esp/mandrill/tracking/"
    return login_not_required(Report.as_view(**given))


@contextmanager
def _refusing(sentence: str) -> Iterator[None]:
    """What a view of Anymail's stumbles over is the caller's fault: its secret is known to be there."""
    try:
        yield
    except SuspiciousOperation as error:
        raise SuspiciousOperation(sentence) from error
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        AssertionError,
        RecursionError,
        AnymailError,
    ) as error:
        raise SuspiciousOperation(sentence) from error


def _patterns() -> Iterator[URLPattern]:
    for kind, providers in (("tracking", PROVIDERS), ("inbound", INBOUND)):
        for provider in providers:
            secret = settings.WEBHOOK_SECRETS.get(provider.name if provider.is_signed else "")
            if secret:
                view = view_of(provider, secret)
                yield path(f"{provider.name}/{kind}/", view, name=f"{provider.name}-{kind}")


urlpatterns = list(_patterns())
