"""How a segment grew, from the counts that each refresh leaves behind for its day."""

from datetime import timedelta

from common.charts import Chart, Series
from common.clock import now
from segments.models import Segment

DAYS = 90


def growth(segment: Segment, *, days: int = DAYS) -> Chart | None:
    """Return members by day, with who came and went, as a chart; None where there is but one day to show.

    Days without a change show the members of the day before. One query.
    """
    today = now().date()
    first = today - timedelta(days=days - 1)
    rows = {row.day: row for row in segment.days.filter(day__gte=first, day__lte=today)}
    before = segment.days.filter(day__lt=first).order_by("-day").values_list("members", flat=True).first()
    if not rows and before is None:
        return None
    begins = first if before is not None else min(rows)
    members: list[float | None] = []
    count = before or 0
    shown = [begins + timedelta(days=step) for step in range((today - begins).days + 1)]
    if len(shown) < 2:
        return None
    for day in shown:
        count = rows[day].members if day in rows else count
        members.append(count)
    return Chart(
        title=f"Members of {segment.name} by day",
        kind="line",
        category_label="Day",
        categories=[f"{day:%-d %b}" for day in shown],
        series=[
            Series(name="Members", values=members),
            Series(name="Entered", values=[rows[day].entered if day in rows else 0 for day in shown]),
            Series(name="Left", values=[rows[day].left if day in rows else 0 for day in shown]),
        ],
    )
