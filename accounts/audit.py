"""Who saw or changed what: one line an act, without addresses of computers and without contents.

Changes are noted by the middleware, whichever page or admin form made them, and so are looks: at pages that say
`shows_people`, and at all of the admin's. A view that knows better whom it shows notes that itself with `record`. A
house test finds pages that show somebody and note nothing. Rows are never changed (a trigger refuses): erasing a
person empties the names of the objects that were theirs, and retention deletes what is old.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import connection, models, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch

from accounts.models import AuditEntry, User
from accounts.permissions import View, rule_of
from accounts.roles import Permission

CUSTOMER = "customers.customer"
_ADMIN_LOOKS = ("_change", "_changelist", "_history", "_delete")
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


def shows_people(action: str) -> Callable[[View], View]:
    """State that a page shows data of customers: each look at it is noted, in these words."""

    def decorate(view: View) -> View:
        view.shows = action  # type: ignore[attr-defined]
        return view

    return decorate


class AuditMiddleware:
    """Notes each change that a colleague made through a page or the admin, and each look at people, once answered.

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
            response.status_code < 400
            and match is not None
            and isinstance(user, User)
            and not getattr(request, "is_audited", False)
        ):
            about = {name: str(value) for name, value in match.kwargs.items()}
            subject = about.pop("public_id", None) or ", ".join(about.values())
            detail = ", ".join(value for value in about.values() if value != subject)
            if request.method in _SAFE:
                _note_look(user, match, subject, detail)
            elif rule_of(match.func) != Permission.READ:
                record(user, match.view_name, subject, detail=detail)
        return response


def _note_look(user: User, match: ResolverMatch, subject: str, detail: str) -> None:
    if shows := getattr(match.func, "shows", None):
        record(user, shows, subject, detail=detail)
    elif match.app_names == ["admin"] and (match.url_name or "").endswith(_ADMIN_LOOKS):
        record(user, match.view_name, subject, detail="looked")
