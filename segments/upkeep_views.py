"""What is done with a segment as a whole: archived, restored, merged into another one, deleted."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.permissions import editors_only
from segments import upkeep
from segments.models import Segment
from segments.nesting import CycleError


@require_POST
@editors_only
def segment_keep(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Archive, restore, delete, or merge into the segment that `into` names."""
    segment = get_object_or_404(Segment.objects.select_related("parent"), key=key)
    try:
        done = _do(request, segment, act)
    except (upkeep.InUse, CycleError, ValueError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect(_next(request, segment))


def _do(request: HttpRequest, segment: Segment, act: str) -> str:
    if act == "archive":
        upkeep.archive(segment)
        return f"“{segment.name}” is archived: it is no longer refreshed and no longer offered."
    if act == "restore":
        upkeep.restore(segment)
        return f"“{segment.name}” is back, with {segment.member_count:,} members."
    if act == "delete":
        upkeep.delete(segment)
        return f"“{segment.name}” is deleted."
    other = Segment.objects.select_related("parent").filter(key=request.POST.get("into", "")).first()
    if other is None:
        raise ValueError("Choose the segment that stands in its place.")
    upkeep.replace(segment, other)
    return f"What was built on “{segment.name}” is now built on “{other.name}”; “{segment.name}” is archived."


def _next(request: HttpRequest, segment: Segment) -> str:
    """Back to the page that asked, unless what it was about is gone."""
    asked = request.POST.get("next", "")
    if asked and url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return asked
    if Segment.objects.filter(pk=segment.pk).exists():
        return segment.get_absolute_url()
    return redirect("segments:list").url
