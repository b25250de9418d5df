"""The page that says which segments are worth their keep."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from segments import health
from segments.models import Reference


@require_safe
def segment_health(request: HttpRequest) -> HttpResponse:
    """Number of core segments, overlap, idle and unused ones, cost, churn, and who uses which."""
    rows = health.rows()
    segments = [row.segment for row in rows]
    overlap = health.overlap(segments)
    core = sum(segment.is_core for segment in segments)
    return render(
        request,
        "segments/health.html",
        {
            "rows": rows,
            "core": core,
            "core_is_fine": core in health.CORE,
            "overlap": overlap,
            "matrix": overlap.rows(),
            "alike": overlap.alike(),
            "idle": [row for row in rows if row.problems],
            "uses": Reference.objects.select_related("segment").order_by(
                "segment__name", "user_kind", "label"
            ),
            "idle_days": health.IDLE_DAYS,
        },
    )
