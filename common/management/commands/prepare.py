"""`manage.py prepare`: bring the database up to date before anything runs on it."""

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from common.schedules import ensure_schedules


class Command(BaseCommand):
    help = "Apply migrations, store schedules that are not there yet; in production collect static files."

    def handle(self, *, verbosity: int, **options: object) -> None:
        call_command("migrate", verbosity=verbosity, interactive=False)
        if settings.PRODUCTION:
            call_command("collectstatic", verbosity=verbosity, interactive=False)
        made = ensure_schedules()
        if made:
            self.stdout.write(f"Stored {made} schedules.")
