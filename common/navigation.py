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
    section: str = ""
    staff_only: bool = False
    administrators_only: bool = False


@dataclass(frozen=True, kw_only=True)
class NavLink:
    """An entry whose address is known; `is_active` where the current page stands under it."""

    label: str
    url: str
    icon: str
    section: str
    is_active: bool


MAIN = (
    NavItem(label="Home", url_name="home", icon="home"),
    NavItem(label="Customers", url_name="customers:list", icon="users", section="People"),
    NavItem(label="Segments", url_name="segments:list", icon="chart-circles", section="People"),
    NavItem(label="Lifecycle", url_name="segments:lifecycle", icon="recycle", section="People"),
    NavItem(label="Data", url_name="customers:data", icon="database-import", section="People"),
    NavItem(label="Stores", url_name="products:stores", icon="map-pin", section="People"),
    NavItem(label="Campaigns", url_name="campaigns:list", icon="send", section="Mail"),
    NavItem(label="Journeys", url_name="campaigns:journeys", icon="corner-down-right", section="Mail"),
    NavItem(label="Experiments", url_name="reports:experiments", icon="flask", section="Mail"),
    NavItem(label="Reports", url_name="reports:index", icon="chart-bar", section="Mail"),
    NavItem(label="Templates", url_name="campaigns:templates", icon="template", section="Content"),
    NavItem(label="Rules", url_name="rules:list", icon="git-branch", section="Content"),
    NavItem(label="Recommendations", url_name="recommendations:overview", icon="sparkles", section="Content"),
    NavItem(label="Delivery", url_name="delivery:health", icon="heartbeat", section="Delivery"),
    NavItem(label="Senders", url_name="delivery:senders", icon="user", section="Delivery"),
    NavItem(label="Unknown mails", url_name="delivery:unknown", icon="alert-circle", section="Delivery"),
    NavItem(label="Mailbox", url_name="delivery:mailbox", icon="inbox", section="Delivery"),
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
        NavLink(label=item.label, url=url, icon=item.icon, section=item.section, is_active=url == active)
        for item, url in found
    ]


def _url(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _is_under(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
