"""Which role may do what. The matrix for people is docs/roles.md; a test holds the two against each other."""

from django.conf import settings
from django.db import models


class Role(models.TextChoices):
    """What a colleague is here for."""

    ADMIN = "admin", "Administrator: everything, users, keys and people's rights too"
    APPROVER = "approver", "Approver: a marketer who may always publish and launch"
    MARKETER = "marketer", "Marketer: builds, and launches where no approver is asked for"
    ANALYST = "analyst", "Analyst: reads, takes data away, trains recommenders"
    VIEWER = "viewer", "Viewer: reads"


class Permission(models.TextChoices):
    """What a page or an act asks for."""

    READ = "read", "Read pages, customers' profiles among them"
    DOWNLOAD = "download", "Take rows away as a file"
    TRAIN = "train", "Train recommenders"
    EDIT = "edit", "Change segments, rules, templates, campaigns, sources and data"
    LAUNCH = "launch", "Publish rules and launch campaigns"
    ADMINISTER = "administer", "People's rights, the audit trail, users and keys"


MATRIX: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.ANALYST: frozenset({Permission.READ, Permission.DOWNLOAD, Permission.TRAIN}),
    Role.MARKETER: frozenset(Permission) - {Permission.ADMINISTER},
    Role.APPROVER: frozenset(Permission) - {Permission.ADMINISTER},
    Role.ADMIN: frozenset(Permission),
}


def may(role: str, permission: Permission) -> bool:
    """Say whether a role has a permission; an unknown role has none.

    With `settings.LAUNCH_NEEDS_APPROVER` a marketer builds, and an approver or administrator launches.
    """
    if permission == Permission.LAUNCH and role == Role.MARKETER and settings.LAUNCH_NEEDS_APPROVER:
        return False
    return role in MATRIX and permission in MATRIX[Role(role)]
