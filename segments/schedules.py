"""When segment work runs by itself."""

from django_celery_beat.models import IntervalSchedule, PeriodicTask


def ensure_schedules() -> None:
    """Store the periodic tasks once; what a colleague changed in the admin stays as it is."""
    for name, task, every, period in (
        ("Refresh all segments", "segments.tasks.refresh_all_segments", 10, IntervalSchedule.MINUTES),
        ("Refresh touched segments", "segments.tasks.refresh_touched_segments", 3, IntervalSchedule.SECONDS),
    ):
        interval, _ = IntervalSchedule.objects.get_or_create(every=every, period=period)
        PeriodicTask.objects.get_or_create(
            name=name, defaults={"task": task, "interval": interval, "queue": "compute"}
        )
