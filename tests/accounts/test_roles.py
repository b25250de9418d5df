"""The matrix of roles, in the code, in the admin and in docs/roles.md."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Role, User
from accounts.roles import MATRIX, Permission, may

ROOT = Path(__file__).resolve().parents[2]


def test_the_documented_matrix_is_the_one_in_force() -> None:
    lines = [line for line in (ROOT / "docs/roles.md").read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    header, rows = cells[0][1:], cells[1:]
    documented = {
        (role, row[0]) for row in rows for role, cell in zip(header, row[1:], strict=True) if cell == "yes"
    }
    assert documented == {(role.value, one.label) for role in Role for one in MATRIX[role]}


def test_an_unknown_role_may_do_nothing() -> None:
    assert not any(may("owner", permission) for permission in Permission)


def test_a_marketer_launches_unless_an_approver_is_asked_for(settings: Settings) -> None:
    assert may(Role.MARKETER, Permission.LAUNCH)
    settings.LAUNCH_NEEDS_APPROVER = True
    assert not may(Role.MARKETER, Permission.LAUNCH)
    assert may(Role.APPROVER, Permission.LAUNCH)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "perm", "is_allowed"),
    [
        (Role.VIEWER, "segments.view_segment", True),
        (Role.VIEWER, "segments.change_segment", False),
        (Role.MARKETER, "segments.change_segment", True),
        (Role.MARKETER, "customers.change_customer", False),
        (Role.MARKETER, "accounts.view_user", False),
        (Role.ANALYST, "delivery.view_message", True),
        (Role.ANALYST, "rules.add_ruleset", False),
        (Role.ADMIN, "accounts.add_apikey", True),
    ],
)
def test_the_admin_follows_the_role(role: Role, perm: str, is_allowed: bool) -> None:
    assert User.objects.create_user("one@example.com", role=role).has_perm(perm) is is_allowed


@pytest.mark.django_db
def test_a_deactivated_administrator_may_do_nothing() -> None:
    gone = User.objects.create_user("gone@example.com", role=Role.ADMIN, is_active=False)
    assert not gone.has_perm("accounts.view_user")


@pytest.mark.django_db
def test_the_menu_shows_what_only_administrators_open(client: Client) -> None:
    for role, is_shown in ((Role.APPROVER, False), (Role.ADMIN, True)):
        client.force_login(User.objects.create_user(f"{role}@example.com", role=role))
        assert ('href="/audit/"' in client.get("/").content.decode()) is is_shown
