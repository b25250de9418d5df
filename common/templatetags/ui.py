"""The parts that pages are made of, as tags, and figures as filters; docs/ui.md shows each in use."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput, Select
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime

from common import clock, figures, navigation
from common.charts import Chart, Flow

register = template.Library()


@dataclass(frozen=True, kw_only=True)
class Tone:
    """How serious something is: the badge's and the callout's colour, and the callout's icon."""

    badge: str
    callout: str
    icon: str


TONES = {
    "neutral": Tone(badge="secondary", callout="neutral", icon="info-circle"),
    "info": Tone(badge="azure", callout="blue", icon="info-circle"),
    "success": Tone(badge="green", callout="green", icon="circle-check"),
    "warning": Tone(badge="yellow", callout="yellow", icon="alert-triangle"),
    "danger": Tone(badge="red", callout="red", icon="alert-circle"),
}
MESSAGE_TONES = {
    "debug": "neutral",
    "info": "info",
    "success": "success",
    "warning": "warning",
    "error": "danger",
}


@register.filter
def money(amount_minor: int | None, currency: str = "GBP") -> str:
    """`{{ order.total_minor|money:order.currency }}` → £1,234.50."""
    return figures.money(amount_minor, currency)


@register.filter
def percent(share: float | None, digits: int = 1) -> str:
    """`{{ rate|percent }}` → 12.3 % from the share 0.123."""
    return figures.percent(share, digits)


@register.filter
def compact(number: int | None) -> str:
    """`{{ count|compact }}` → 12.4k."""
    return figures.compact(number)


@register.filter
def integer(number: int | None) -> str:
    """`{{ count|integer }}` → 81,300."""
    return figures.integer(number)


@register.filter
def ago(moment: datetime | None) -> SafeString:
    """`{{ event.occurred_at|ago }}` → "3 minutes ago" in a `<time>` with the exact time; `None` → never."""
    if moment is None:
        return mark_safe("never")
    local = localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{local:%-d %b %Y, %H:%M} {local.tzname()}",
        figures.ago(moment, clock.now()),
    )


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """`{% icon "users" %}`: a decorative icon of the sprite; say its meaning in text beside it."""
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" aria-hidden="true"><use href="{}#{}"></use></svg>',
        f"icon {css}".strip(),
        static("vendor/tabler-icons/sprite.svg"),
        name,
    )


@register.inclusion_tag("parts/navigation.html", takes_context=True)
def navigation_links(context: Context) -> dict[str, Any]:
    """The sidebar's links for this user and page."""
    request: HttpRequest | None = context.get("request")
    path = request.path if request else ""
    user = context.get("user")
    open_to = {
        "is_staff": bool(getattr(user, "is_staff", False)),
        "is_administrator": bool(getattr(user, "may_administer", False)),
    }
    return {
        "main": navigation.links(navigation.MAIN, path=path, **open_to),
        "foot": navigation.links(navigation.FOOT, path=path, **open_to),
    }


@register.simple_block_tag
def page_header(content: str, title: str, pretitle: str = "", pretitle_url: str = "") -> SafeString:
    """`{% page_header title="A" pretitle="Campaigns" pretitle_url=url %}buttons{% endpage_header %}`."""
    return _part("page_header", actions=content, title=title, pretitle=pretitle, pretitle_url=pretitle_url)


@register.simple_block_tag
def card(
    content: str,
    title: str = "",
    subtitle: str = "",
    footer: str = "",
    link_label: str = "",
    link_url: str = "",
    flush: bool = False,
) -> SafeString:
    """`{% card title="Orders" %}…{% endcard %}`; `flush=True` lets a table or list reach the edges."""
    return _part(
        "card",
        content=content,
        title=title,
        subtitle=subtitle,
        footer=footer,
        link_label=link_label,
        link_url=link_url,
        flush=flush,
    )


@register.inclusion_tag("parts/stat.html")
def stat(
    label: str,
    value: object,
    hint: str = "",
    as_of: datetime | None = None,
    url: str = "",
    definition: str = "",
) -> dict[str, Any]:
    """A card with one figure: what it counts, the figure, one line of explanation, as of when."""
    return {
        "label": label,
        "value": value,
        "hint": hint,
        "as_of": as_of,
        "url": url,
        "definition_text": definition,
    }


@register.simple_block_tag
def data_table(content: str, label: str) -> SafeString:
    """`{% data_table label="Customers" %}<thead>…<tbody>…{% enddata_table %}`: scrolls sideways on phones."""
    return _part("data_table", content=content, label=label)


@register.inclusion_tag("parts/paging.html", takes_context=True)
def paging(context: Context, page: Any, label: str = "Pages") -> dict[str, Any]:
    """Links under a table: for a Django `Page` ("page 2 of 9") or a `CursorPage` (newer, older)."""
    if hasattr(page, "paginator"):
        previous = page.previous_page_number() if page.has_previous() else None
        following = page.next_page_number() if page.has_next() else None
        name, position = "page", f"Page {page.number} of {page.paginator.num_pages}"
    else:
        previous, following = page.previous_cursor, page.next_cursor
        name, position = "cursor", ""
    return {
        "label": label,
        "position": position,
        "previous_url": _with_query(context, name, previous),
        "next_url": _with_query(context, name, following),
    }


@register.inclusion_tag("parts/form_row.html")
def form_row(field: BoundField) -> dict[str, Any]:
    """A field with its label, control, help and errors; the control points to the latter two."""
    widget = field.field.widget
    is_check = isinstance(widget, CheckboxInput)
    style = (
        "form-check-input" if is_check else "form-select" if isinstance(widget, Select) else "form-control"
    )
    is_group = widget.use_fieldset
    classes = (
        f"{widget.attrs.get('class', '')} {'' if is_group else style}{' is-invalid' if field.errors else ''}"
    )
    control = field.as_widget(attrs={"class": classes.strip()})
    return {"field": field, "control": control, "is_check": is_check, "is_group": is_group}


@register.inclusion_tag("parts/form_rows.html")
def form_rows(form: BaseForm) -> dict[str, Any]:
    """Errors of the whole form, its hidden fields, and a row for each visible field."""
    return {"form": form}


@register.inclusion_tag("parts/empty_state.html")
def empty_state(
    icon: str,
    title: str,
    text: str,
    action: str = "",
    url: str = "",
) -> dict[str, Any]:
    """What stands where nothing is yet: what it is, why it is empty, what to do next."""
    return {"icon_name": icon, "title": title, "text": text, "action": action, "url": url}


@register.inclusion_tag("parts/chart.html")
def chart(chart: Chart | Flow, height: int = 280, show_title: bool = False) -> dict[str, Any]:
    """A chart (`common.charts.Chart` or `Flow`) with its data table behind a disclosure; `height` in pixels."""
    return {"chart": chart, "id": _fresh_id("chart"), "height": height, "show_title": show_title}


@register.inclusion_tag("parts/progress.html")
def progress(
    done: int,
    total: int,
    label: str,
    sentence: str = "",
    poll_url: str = "",
    every_seconds: int = 2,
) -> dict[str, Any]:
    """How far something is. With `poll_url` it replaces itself from there until a reply has none."""
    share = min(1.0, done / total) if total else 0.0
    return {
        "done": done,
        "total": total,
        "percent": int(share * 100),
        "label": label,
        "sentence": sentence,
        "poll_url": poll_url,
        "every_seconds": every_seconds,
    }


@register.inclusion_tag("parts/status.html")
def status(label: str, tone: str = "neutral", sentence: str = "") -> dict[str, Any]:
    """A state as a badge with a sentence; tones: neutral, info, success, warning, danger."""
    return {"label": label, "colour": TONES[tone].badge, "sentence": sentence}


@register.simple_block_tag
def callout(content: str, tone: str = "info", title: str = "") -> SafeString:
    """`{% callout tone="warning" title="…" %}…{% endcallout %}`: something to know before going on."""
    return _part("callout", content=content, title=title, tone=TONES[tone])


@register.inclusion_tag("parts/definition.html")
def definition(term: str, text: str) -> dict[str, Any]:
    """A term that explains itself on click, hover or focus."""
    return {"term": term, "text": text, "id": _fresh_id("definition")}


@register.inclusion_tag("parts/messages.html", takes_context=True)
def page_messages(context: Context) -> dict[str, Any]:
    """Django's messages as alerts that can be closed."""
    shown = [
        {"text": message, "tone": TONES[MESSAGE_TONES.get(message.level_tag, "info")]}
        for message in context.get("messages") or ()
    ]
    return {"messages": shown}


def _part(name: str, **context: Any) -> SafeString:
    return mark_safe(render_to_string(f"parts/{name}.html", context))  # noqa: S308


def _fresh_id(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(4)}"


def _with_query(context: Mapping[str, Any] | Context, name: str, value: object) -> str:
    if not value:
        return ""
    query = context["request"].GET.copy()
    query.pop("page", None)
    query.pop("cursor", None)
    query[name] = str(value)
    return f"?{query.urlencode()}"
