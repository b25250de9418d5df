"""Beat's entries: made from settings once, the admin's from then on."""

from django.conf import settings
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask


def ensure_schedules() -> int:
    """Store the entries of `settings.SCHEDULES` that are not there yet and return how many; changes stay."""
    made = 0
    for name, entry in settings.SCHEDULES.items():
        if PeriodicTask.objects.filter(name=name).exists():
            continue
        PeriodicTask.objects.get_or_create(name=name, defaults={"task": entry["task"], **_when(entry)})
        made += 1
    return made


def _when(entry: dict[str, object]) -> dict[str, object]:
    if "every_seconds" in entry:
        interval, _ = IntervalSchedule.objects.get_or_create(every=entry["every_seconds"], period="seconds")
        return {"interval": interval}
    minute, hour, day_of_month, month_of_year, day_of_week = str(entry["crontab"]).split()
    crontab, _ = CrontabSchedule.objects.get_or_create(
        minute=minute,
        hour=hour,
        day_of_month=day_of_month,
        month_of_year=month_of_year,
        day_of_week=day_of_week,
        timezone="UTC",
    )
    return {"crontab": crontab}
