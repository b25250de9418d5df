"""Every address has a rule: public and named here, an API key's scope, the admin's, or a colleague's permission."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Role, User
from accounts.permissions import rule_of
from customers.tracking.protocol import TYPES
from delivery.webhook_urls import INBOUND, PROVIDERS

PUBLIC = {
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "schema",
    "condition-schema",
    "campaigns:open_time_picture",
    "campaigns:open_time_link",
    "campaigns:open_time_preview",
    "delivery:opened",
    "delivery:clicked",
    "delivery:unsubscribe",
    "delivery:preferences",
    "delivery:sign_up",
    "delivery:confirm",
    "healthz",
    "readyz",
    "media/",
    *(f"{provider.name}-tracking" for provider in PROVIDERS),
    *(f"{provider.name}-inbound" for provider in INBOUND),
    *(f"tracking:{name}" for name in ("batch", "import", "hook", *TYPES, *(type[0] for type in TYPES))),
}
"""Open without a colleague's session: a token, a signature or nothing to hide; and one's own password."""
SOME_UUID = "00000000-0000-4000-8000-000000000000"
VALUES = {"int": "1", "uuid": SOME_UUID, "slug": "x", "str": "x", "path": "x"}


def walk(resolver: URLResolver, route: str = "", space: str = "") -> Iterator[tuple[str, str, Any]]:
    """(name, route, view) of every pattern outside of the admin."""
    for one in resolver.url_patterns:
        here = route + str(one.pattern)
        if isinstance(one, URLResolver):
            if one.app_name != "admin":
                yield from walk(one, here, f"{one.namespace}:" if one.namespace else space)
        elif isinstance(one, URLPattern):
            yield (space + one.name if one.name else plain(here)), here, one.callback


def plain(route: str) -> str:
    return re.sub(r"[\^$]|\(\?P<.*", "", route)


def address(route: str) -> str:
    """An address that the pattern fits, of things that do not exist."""
    route = re.sub(r"\(\?P<act>(\w+)\|[^)]*\)", r"\1", route)
    route = re.sub(r"\(\?P<\w+>\[[^)]*\)", "x", route)
    return "/" + re.sub(r"<(\w+):\w+>", lambda found: VALUES[found.group(1)], re.sub(r"[\^$]", "", route))


ALL = {name: (route, view) for name, route, view in walk(get_resolver())}
INTERNAL = {
    name: found
    for name, found in ALL.items()
    if name not in PUBLIC and not hasattr(found[1], "cls") and getattr(found[1], "login_required", True)
}


def test_what_needs_no_session_is_named_here() -> None:
    open_to_all = {
        name
        for name, (_, view) in ALL.items()
        if not getattr(view, "login_required", True) and not hasattr(view, "cls")
    }
    assert open_to_all - PUBLIC == set()


def test_every_api_view_names_a_scope() -> None:
    silent = [
        name
        for name, (route, view) in ALL.items()
        if hasattr(view, "cls")
        and route.startswith("api/v1/")
        and not getattr(view.cls, "required_scope", None)
    ]
    assert silent == []


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_viewer_changes_nothing_by_any_address(client: Client, method: str) -> None:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    answers = {
        name: getattr(client, method)(address(route)).status_code
        for name, (route, view) in INTERNAL.items()
        if rule_of(view) != "read"
    }
    assert {name: status for name, status in answers.items() if status not in (403, 405)} == {}


@pytest.mark.django_db
def test_a_visitor_is_led_to_the_login_by_every_page(client: Client) -> None:
    answers = {name: client.get(address(route)) for name, (route, _) in INTERNAL.items()}
    strange = {
        name: answer.status_code
        for name, answer in answers.items()
        if answer.status_code != 302 or not answer["Location"].startswith("/login/")
    }
    assert strange == {}


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.MARKETER, Role.APPROVER])
def test_only_administrators_add_users_and_keys_in_the_admin(client: Client, role: Role) -> None:
    client.force_login(User.objects.create_user("one@example.com", role=role, is_staff=True))
    for name in ("accounts/user/", "accounts/user/add/", "accounts/apikey/", "accounts/apikey/add/"):
        assert client.get(f"/admin/{name}").status_code == 403


@pytest.mark.django_db
def test_a_viewer_adds_changes_and_deletes_nothing_in_the_admin(client: Client, rf: Any) -> None:
    request = rf.get("/admin/")
    request.user = User.objects.create_user("view@example.com", role=Role.VIEWER, is_staff=True)
    for options in admin.site._registry.values():
        assert not options.has_add_permission(request), options
        assert not options.has_change_permission(request), options
        assert not options.has_delete_permission(request), options
