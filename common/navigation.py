"""The main navigation: what is in it, in which order, and which item the current page belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, kw_only=True)
class NavItem:
    """One entry of the navigation; `url_name` is looked up when the page is rendered."""

    label: str
    url_name: str
    icon: str
    staff_only: bool = False
    administrators_only: bool = False


@dataclass(frozen=True, kw_only=True)
class NavLink:
    """An entry whose address is known; `is_active` where the current page stands under it."""

    label: str
    url: str
    icon: str
    is_active: bool


MAIN = (
    NavItem(label="Home", url_name="home", icon="home"),
    NavItem(label="Customers", url_name="customers:list", icon="users"),
    NavItem(label="Data", url_name="customers:data", icon="database-import"),
    NavItem(label="Stores", url_name="products:stores", icon="map-pin"),
    NavItem(label="Segments", url_name="segments:list", icon="chart-circles"),
    NavItem(label="Lifecycle", url_name="segments:lifecycle", icon="recycle"),
    NavItem(label="Rules", url_name="rules:list", icon="git-branch"),
    NavItem(label="Recommendations", url_name="recommendations:overview", icon="sparkles"),
    NavItem(label="Templates", url_name="campaigns:templates", icon="template"),
    NavItem(label="Campaigns", url_name="campaigns:list", icon="send"),
    NavItem(label="Journeys", url_name="campaigns:journeys", icon="corner-down-right"),
    NavItem(label="Experiments", url_name="reports:experiments", icon="flask"),
    NavItem(label="Delivery", url_name="delivery:health", icon="heartbeat"),
    NavItem(label="Unknown mails", url_name="delivery:unknown", icon="alert-circle"),
    NavItem(label="Mailbox", url_name="delivery:mailbox", icon="inbox"),
)
FOOT = (
    NavItem(label="Privacy", url_name="customers:privacy", icon="lock", administrators_only=True),
    NavItem(label="Audit trail", url_name="accounts:audit", icon="history", administrators_only=True),
    NavItem(label="Admin", url_name="admin:index", icon="settings", staff_only=True),
)


def links(
    items: Sequence[NavItem], *, path: str, is_staff: bool, is_administrator: bool = False
) -> list[NavLink]:
    """The items whose page exists and is open to this user; the longest matching prefix is active."""
    found = [
        (item, url)
        for item in items
        if (is_staff or not item.staff_only) and (is_administrator or not item.administrators_only)
        if (url := _url(item.url_name))
    ]
    active = max((url for _, url in found if _is_under(path, url)), key=len, default=None)
    return [
        NavLink(label=item.label, url=url, icon=item.icon, is_active=url == active) for item, url in found
    ]


def _url(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _is_under(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
