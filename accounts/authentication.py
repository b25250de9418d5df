"""How programs prove who they are to the REST API."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey
from common.clock import now

if TYPE_CHECKING:
    from rest_framework.views import APIView

_USE_IS_NOTED_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer rk_…`; the key becomes `request.auth`."""

    keyword = b"bearer"

    def authenticate(self, request: Request | HttpRequest) -> tuple[None, ApiKey] | None:
        """Return the key behind the header; None without one; 401 for one that is not usable."""
        parts = get_authorization_header(cast(Request, request)).split()
        if not parts or parts[0].lower() != self.keyword:
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Send one API key: Authorization: Bearer <key>.")
        at = now()
        key = ApiKey.objects.usable(at).filter(digest=ApiKey.digest_of(parts[1].decode("latin-1"))).first()
        if key is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        if key.last_used_at is None or at - key.last_used_at > _USE_IS_NOTED_EVERY:
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)
        return None, key

    def authenticate_header(self, request: Request | HttpRequest) -> str:
        """Say how to authenticate, so that a refusal is a 401."""
        return "Bearer"


class HasScope(BasePermission):
    """Allow what the view's `required_scope` names, and nothing where it names none."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request's key carries the scope of the view."""
        key: Any = request.auth
        scope = getattr(view, "required_scope", None)
        return isinstance(key, ApiKey) and scope is not None and scope in key.scopes
