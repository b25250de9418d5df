"""Which pages a role opens: each view that changes something states its rule with `requires`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import User
from accounts.roles import Permission

View = Callable[..., HttpResponseBase]


def requires(permission: Permission) -> Callable[[View], View]:
    """State a view's rule: only roles with this permission get through; others get a 403 that says so."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not cast(User, request.user).may(permission):
                raise PermissionDenied(f"Your role does not allow this: {permission.label.lower()}.")
            return view(request, *args, **kwargs)

        guarded.rule = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


editors_only = requires(Permission.EDIT)
administrators_only = requires(Permission.ADMINISTER)


def rule_of(view: Callable[..., Any]) -> Permission | None:
    """Return the rule that a view states, or None for a page that every colleague may read."""
    return getattr(view, "rule", None)
