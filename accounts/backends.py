"""What a role may do inside the admin, which only users with `is_staff` enter."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User
from accounts.roles import Permission

BUILT_BY_EDITORS = frozenset({"segments", "rules", "campaigns", "experiments", "products", "connectors"})
READ_BY_ALL = BUILT_BY_EDITORS | {"customers", "delivery", "recommendations"}


class RoleBackend(ModelBackend):
    """Django's own sign-in; permissions follow from the role, and nobody is given single ones."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether the role covers `app.act_model`; administrators do everything."""
        app, _, codename = perm.partition(".")
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        if user_obj.may(Permission.ADMINISTER):
            return True
        if codename.startswith("view_"):
            return app in READ_BY_ALL and user_obj.may(Permission.READ)
        return app in BUILT_BY_EDITORS and user_obj.may(Permission.EDIT)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether anything of the app is open to the role."""
        return self.has_perm(user_obj, f"{app_label}.view_any")
