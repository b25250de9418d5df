"""The audit trail, for administrators."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.models import AuditEntry, User
from accounts.permissions import administrators_only
from common.pagination import cursor_page


@require_safe
@administrators_only
def audit_trail(request: HttpRequest) -> HttpResponse:
    """Who saw or changed what, newest first; `user` and `object` narrow it. Looking is noted too."""
    entries = AuditEntry.objects.select_related("user")
    who = request.GET.get("user", "").strip()[:254].replace("\0", "")
    what = request.GET.get("object", "").strip()[:200].replace("\0", "")
    if who:
        entries = entries.filter(user__email__iexact=who)
    if what:
        entries = entries.filter(object_id=what)
    page = cursor_page(entries, cursor=request.GET.get("cursor", ""))
    audit.record(cast(User, request.user), "looked at the audit trail")
    return render(request, "accounts/audit.html", {"page": page, "who": who, "what": what})
