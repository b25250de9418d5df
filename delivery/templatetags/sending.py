"""What keeps mail from leaving, on every page and on the page of a campaign."""

from typing import Any

from django import template
from django.template import Context

from delivery import steering, watching
from delivery.models import Dispatch

register = template.Library()


@register.inclusion_tag("delivery/stopped.html", takes_context=True)
def stopped_note(context: Context) -> dict[str, Any]:
    """`{% stopped_note %}`: says to colleagues that the kill switch is on, by whom and why. One query."""
    is_known = bool(getattr(context.get("user"), "is_authenticated", False))
    return {"switch": steering.kill_switch() if is_known else None}


@register.inclusion_tag("delivery/blocker.html")
def dispatch_blocker(dispatch: Dispatch) -> dict[str, Any]:
    """`{% dispatch_blocker campaign.dispatch %}`: why its mails wait, in a sentence; nothing if they do not."""
    return {"sentence": watching.blocker_of(dispatch)}
