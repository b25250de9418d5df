"""Which pages a role opens."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.models import User

View = Callable[..., HttpResponse]


def editors_only(view: View) -> View:
    """Let through only users who may edit; others get a 403 that says so."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not cast(User, request.user).may_edit:
            raise PermissionDenied("Your role may look at this, but not change it.")
        return view(request, *args, **kwargs)

    return guarded
