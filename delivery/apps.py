from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"

    def ready(self) -> None:
        """Listen to Anymail's verified webhooks."""
        from delivery import unsubscribe_mail, webhooks  # noqa: F401
