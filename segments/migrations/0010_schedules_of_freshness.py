"""Entries of beat that were stored for the first release, and that nobody changed since, become today's."""

from typing import Any

from django.db import migrations
from django.utils.timezone import now

JUDGE, REFRESH = "Judge touched customers anew", "Refresh segments with time windows"
TOUCHED = "segments.tasks.refresh_touched_segments"
ALL, TIMED = "segments.tasks.refresh_all_segments", "segments.tasks.refresh_timed_segments"


def bring_up(apps: Any, schema_editor: Any) -> None:
    """Judge news every 2 seconds instead of 5, and every quarter of an hour only what time changes."""
    _change(apps, (JUDGE, TOUCHED, 5), (TOUCHED, 2))
    _change(apps, (REFRESH, ALL, 900), (TIMED, 900))


def take_back(apps: Any, schema_editor: Any) -> None:
    """The same the other way round."""
    _change(apps, (JUDGE, TOUCHED, 2), (TOUCHED, 5))
    _change(apps, (REFRESH, TIMED, 900), (ALL, 900))


def _change(apps: Any, was: tuple[str, str, int], becomes: tuple[str, int]) -> None:
    (name, task, seconds), (new_task, new_seconds) = was, becomes
    entries = apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(
        name=name, task=task, interval__every=seconds, interval__period="seconds"
    )
    if not entries.exists():
        return
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule").objects
    interval = intervals.filter(every=new_seconds, period="seconds").first()
    entries.update(task=new_task, interval=interval or intervals.create(every=new_seconds, period="seconds"))
    # A beat that is running looks here for changes.
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.update_or_create(
        ident=1, defaults={"last_update": now()}
    )


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0009_default_stages"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(bring_up, take_back)]
