"""A page that shows every part of the shell, served to the browser tests only."""

from datetime import timedelta
from pathlib import Path

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.views.defaults import bad_request, page_not_found, permission_denied, server_error

from common import clock
from common.charts import Chart, Series

HERE = Path(__file__).parent


class ExampleForm(forms.Form):
    name = forms.CharField(help_text="Shown to your team, never to customers.")
    audience = forms.ChoiceField(choices=[("", "Choose a segment"), ("uk", "United Kingdom, active")])
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    is_draft = forms.BooleanField(
        label="Keep it as a draft", required=False, help_text="Drafts send nothing."
    )
    kind = forms.ChoiceField(
        label="How to choose products",
        choices=[("a", "Bestsellers"), ("b", "Recommended")],
        widget=forms.RadioSelect,
    )

    def clean(self) -> dict[str, object]:
        raise forms.ValidationError("A campaign needs a name and a segment.")


def charts() -> dict[str, Chart]:
    """One chart of each kind, with fixed values."""
    weeks = [f"week {number}" for number in range(1, 9)]
    orders = Series(name="Orders", values=[120, 132, 101, 134, 190, 230, 210, 245])
    clicks = Series(name="Clicks", values=[80, None, 95, 110, 150, 160, 172, 180])
    rate = Series(
        name="Conversion",
        values=[0.021, 0.024, 0.028, 0.027, 0.030, 0.031, 0.030, 0.032],
        low=[0.010, 0.015, 0.020, 0.021, 0.025, 0.026, 0.026, 0.028],
        high=[0.040, 0.036, 0.036, 0.034, 0.036, 0.036, 0.035, 0.036],
    )
    revenue = Series(name="Revenue", values=[1250000, 734050, 512500, 98000])
    lift = Series(name="Lift", values=[0.012, 0.063, 0.081], low=[-0.01, 0.03, 0.02], high=[0.03, 0.1, 0.14])
    countries = ["United Kingdom", "Germany", "France", "Ireland"]
    arms = [
        Series(name="A bestsellers", values=[40, 30, 12]),
        Series(name="B recommendations", values=[44, 41, 19]),
    ]
    return {
        "line": Chart(
            title="Orders and clicks a week", kind="line", categories=weeks, series=[orders, clicks]
        ),
        "band": Chart(
            title="Conversion with interval", kind="area", categories=weeks, series=[rate], unit="percent"
        ),
        "bar": Chart(
            title="Revenue by country", kind="bar", categories=countries, series=[revenue], unit="money"
        ),
        "column": Chart(
            title="Messages by arm", kind="column", categories=["Opened", "Clicked", "Ordered"], series=arms
        ),
        "interval": Chart(
            title="Lift with 95 % intervals",
            kind="interval",
            categories=["Open rate", "Click rate", "Conversion"],
            series=[lift],
            unit="percent",
        ),
    }


class Rows:
    """A cursor page's face."""

    previous_cursor = "after:9"
    next_cursor = "before:3"


@login_required
def gallery(request: HttpRequest) -> HttpResponse:
    """All parts, a form with errors, and a message of each level."""
    for level, text in (
        (messages.SUCCESS, "The campaign was saved."),
        (messages.ERROR, "The template was refused."),
    ):
        messages.add_message(request, level, text)
    form = ExampleForm({"name": "", "audience": "", "is_draft": "on", "kind": "b"})
    page = Paginator(range(90), 10).page(2)
    context = {
        "form": form,
        "page": page,
        "cursor_page": Rows(),
        "charts": charts(),
        "earlier": clock.now() - timedelta(minutes=3),
    }
    template = engines["django"].from_string((HERE / "gallery.html").read_text())
    return HttpResponse(template.render(context, request))


def empty(request: HttpRequest) -> HttpResponse:
    """A page of the shell with nothing on it."""
    template = engines["django"].from_string((HERE / "gallery_empty.html").read_text())
    return HttpResponse(template.render({}, request))


def polled(request: HttpRequest) -> HttpResponse:
    """What a progress part becomes when the work is done."""
    source = (
        '{% load ui %}{% progress done=400 total=400 label="Sending" sentence="All 400 messages are sent." %}'
    )
    return HttpResponse(engines["django"].from_string(source).render({}, request))


def error_page(request: HttpRequest, code: int) -> HttpResponse:
    """The error pages as Django renders them, without an error."""
    if code == 500:
        return server_error(request)
    handler = {400: bad_request, 403: permission_denied, 404: page_not_found}[code]
    return handler(request, exception=Exception("shown for a test"))


urlpatterns = [
    path("gallery/", gallery),
    path("gallery/empty/", empty),
    path("gallery/polled/", polled),
    path("gallery/error/<int:code>/", error_page),
    path("", include("config.urls")),
]
