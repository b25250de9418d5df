"""Who saw or changed what: one line an act, without addresses of computers and without contents.

Changes are noted by the middleware, whichever page or admin form made them; what only looks (a profile, an export)
is noted by its view with `record`. Rows are never changed (a trigger refuses): erasing a person empties the names of
the objects that were theirs, and retention deletes what is old.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import connection, models, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from accounts.models import AuditEntry, User
from accounts.permissions import rule_of
from accounts.roles import Permission

CUSTOMER = "customers.customer"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def record(
    user: User | AnonymousUser | None, action: str, obj: models.Model | str = "", *, detail: str = ""
) -> AuditEntry:
    """Note that somebody did something to an object; None is a command or a task.

    `detail` is for counts and reasons: never a name, an address or an attribute of a customer.
    """
    kind, id = ("", obj) if isinstance(obj, str) else (obj._meta.label_lower, str(obj.pk))
    return AuditEntry.objects.create(
        user=user if isinstance(user, User) else None,
        action=action[:100],
        object_kind=kind,
        object_id=id[:200],
        detail=detail[:300],
    )


def naming(*, customer_ids: Iterable[int], public_ids: Iterable[object]) -> Q:
    """Which lines name one of these customers, by the id of the row or by the public one."""
    theirs = Q(object_kind=CUSTOMER) | Q(action__startswith="admin:customers_customer_")
    return Q(object_id__in=[str(id) for id in public_ids]) | (
        theirs & Q(object_id__in=[str(id) for id in customer_ids])
    )


def delete_before(before: datetime) -> int:
    """Delete lines older than that, as retention asks; returns how many. The only way to delete one."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL regards.retention = 'on'")
        deleted, _ = AuditEntry.objects.filter(at__lt=before).delete()
        cursor.execute("SET LOCAL regards.retention = 'off'")
    return deleted


class AuditMiddleware:
    """Notes each change that a colleague made through a page or the admin, once it has been made.

    A view that notes its change itself, in words of its own, sets `request.is_audited`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, then note who did what to which object; refusals and mere questions are not noted."""
        response = self.get_response(request)
        match = request.resolver_match
        user = getattr(request, "user", None)
        if (
            request.method not in _SAFE
            and response.status_code < 400
            and match is not None
            and isinstance(user, User)
            and rule_of(match.func) != Permission.READ
            and not getattr(request, "is_audited", False)
        ):
            about = {name: str(value) for name, value in match.kwargs.items()}
            subject = about.pop("public_id", None) or ", ".join(about.values())
            detail = ", ".join(value for value in about.values() if value != subject)
            record(user, match.view_name, subject, detail=detail)
        return response
