from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        """Register the API key with the schema."""
        from accounts import schema  # noqa: F401
