"""`manage.py demo`: everything that makes the demo a live shop; quick when it is there already."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from accounts.models import User
from campaigns.drafting import create_campaign
from campaigns.launching import launch
from campaigns.models import Campaign
from campaigns.sending import send_due
from campaigns.starters import install_rules
from common.clock import now
from customers.engagement import refresh_engagement
from customers.locating import locate_everybody
from customers.models import SyncRun
from delivery.turns import due_dispatches
from demo.answering import ANSWERS, answer_new_mail, settle
from demo.earlier_experiment import bring_earlier_experiment
from demo.journeys import open_cart_journey
from demo.loading import SOURCE, load_shop, loaded_world
from demo.serving import served
from demo.week_before import move_back
from demo.world import World, build_world
from products.models import Promotion, Store
from products.places import ensure_places
from products.stores import read_stores, store_stores
from recommendations.models import ModelVersion
from recommendations.predictions.models import PredictionVersion
from recommendations.tasks import refresh_predictions
from recommendations.training import train
from reports.looks import take_due
from reports.models import CampaignCost, ReportSettings
from reports.refreshing import refresh
from reports.upkeep import bring_up_to_date
from segments import membership
from segments.models import Segment
from segments.starters import Shop
from segments.starters import install as install_starters

CONTENT = Path(__file__).resolve().parents[2] / "content"
COSTS = {"thousand_mails_minor": 150, "margin_percent": 45}
FIXED_MINOR = 40_000
LOGIN = "demo@regards.example"


class Command(BaseCommand):
    help = "Prepare the demo shop: customers, history, recommender, segments, rules, one campaign and its answers."

    def handle(self, **options: Any) -> None:
        """Do each step that has not been done; a step that was interrupted is done again without harm."""
        self.console = Console()
        with self._step("Database"):
            call_command("prepare", verbosity=0, stdout=self.stdout)
            _ensure_login()
        world = self._shop()
        with self._step("Stores"):
            _ensure_stores()
        if not ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).exists():
            with self._step("Engagement scores"):
                refresh_engagement(now())
            with self._step("Recommender"):
                self.console.print(f"  {train().verdict}", style="dim")
        with self._step("Segments and rules"):
            _ensure_segments()
            call_command("publish_rules", str(_hero()), stdout=self.stdout)
            install_rules(publish=True)
        if not Campaign.objects.filter(segment__key="has-bought").exists():
            with self._step("Campaign"):
                launch(create_campaign(CONTENT / "campaign.yaml").pk)
                create_campaign(CONTENT / "subject-test.yaml")
        with self._step("An experiment of the years before"):
            bring_earlier_experiment()
        self._send_and_answer(world)
        with self._step("Journey"):
            self.console.print(f"  {open_cart_journey()} left a cart behind", style="dim")
            _send_what_is_due()
        with self._step("Reports"):
            take_due()
            bring_up_to_date()
        if not PredictionVersion.objects.exists():
            refresh_predictions.delay()  # a worker learns them while the newcomer looks around

    def _shop(self) -> World:
        """Load the shop, once; its calendar stays that of the first start, also after an interruption."""
        world = loaded_world() or build_world()
        run, _ = SyncRun.objects.get_or_create(
            source=SOURCE, defaults={"started_at": now(), "cursor_before": {"now": world.now.isoformat()}}
        )
        if run.status == SyncRun.Status.SUCCEEDED:
            return world
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with self._step("Shop (generated)"), Progress(*columns, console=self.console) as bars:
            tasks: dict[str, TaskID] = {}

            def show(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name)
                bars.update(tasks[name], completed=done, total=total)

            counted = load_shop(world, progress=show)
        run.rows_in = sum(counted.values())
        run.inserted, run.duplicates = counted["inserted"], counted["duplicates"]
        run.rejected = {"refused": counted["rejected"]} if counted["rejected"] else {}
        run.status, run.finished_at = SyncRun.Status.SUCCEEDED, now()
        run.save()
        return world

    def _send_and_answer(self, world: World) -> None:
        """Send what the first start's campaign still owes, and let its readers react to it once."""
        if due_dispatches():
            with self._step("Sending"):
                _send_what_is_due()
        if SyncRun.objects.filter(source=ANSWERS).exists():
            return
        campaign = Campaign.objects.exclude(launched_at=None).earliest("launched_at")
        began = SyncRun.objects.get(source=SOURCE).started_at
        sent_at = move_back(campaign.pk, launched_since=began)
        ReportSettings.objects.update_or_create(pk=ReportSettings.ONLY, defaults=COSTS)
        CampaignCost.objects.get_or_create(campaign=campaign, defaults={"fixed_minor": FIXED_MINOR})
        refresh()  # who was in which stage before the mail changed that
        with self._step("Customers read their mail, a week in all"), served() as base_url:
            given = answer_new_mail(world, base_url=base_url, sent_at=sent_at)
            settle()
            self.console.print(f"  {given}", style="dim")

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """Say what is going on and how long it took."""
        self.console.print(f"{name} …", style="bold")
        started = time.monotonic()
        yield
        self.console.print(f"  done in {time.monotonic() - started:.1f} s", style="dim")


def _ensure_login() -> None:
    """Make the first administrator; the password is written where the process manager shows it once."""
    if User.objects.exists():
        return
    password = secrets.token_urlsafe(12)
    path = settings.VAR_DIR / "first-login"
    path.touch(mode=0o600)
    path.write_text(f"Log in as {LOGIN} with the password {password}\n")
    User.objects.create_superuser(LOGIN, password, name="Demo")


def _ensure_stores() -> None:
    """Open the shop's stores, say what is on there, and find who lives near; once, so that later edits stay."""
    if Store.objects.filter(source=SOURCE).exists():
        return
    ensure_places()
    with (CONTENT / "stores.csv").open(encoding="utf-8", newline="") as lines:
        store_stores(read_stores(lines, source=SOURCE))
    for entry in yaml.safe_load((CONTENT / "promotions.yaml").read_text()):
        Promotion.objects.get_or_create(key=entry.pop("key"), defaults={**entry, "starts_at": now()})
    locate_everybody()


def _ensure_segments() -> None:
    for entry in yaml.safe_load((CONTENT / "segments.yaml").read_text()):
        segment, is_new = Segment.objects.get_or_create(
            key=entry["key"], defaults={"name": entry["name"], "condition": entry["condition"]}
        )
        if is_new:
            membership.store(segment)
    install_starters(Shop())


def _send_what_is_due() -> None:
    for dispatch_id in due_dispatches():
        send_due(dispatch_id)


def _hero() -> Path:
    return settings.BASE_DIR / "rules" / "examples" / "hero.yaml"
