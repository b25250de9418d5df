"""The bell in the shell: how many open alerts the user has not looked at."""

from typing import Any

from django import template
from django.template import Context

from customers.quality.alerts import unseen_count

register = template.Library()


@register.inclusion_tag("customers/alert_bell.html", takes_context=True)
def alert_bell(context: Context) -> dict[str, Any]:
    """`{% alert_bell %}`: a link to the alerts with the count of unseen ones; nothing for visitors. One query."""
    user = context.get("user")
    is_known = bool(getattr(user, "is_authenticated", False))
    path = getattr(context.get("request"), "path", "")
    return {"is_known": is_known, "unseen": unseen_count(user) if user and is_known else 0, "path": path}
