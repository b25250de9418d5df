"""The template tags: what they write, and how they escape it."""

from datetime import UTC, datetime

import time_machine
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory

from accounts.models import User
from common.charts import Chart, Series
from common.pagination import CursorPage


def render(source: str, **context: object) -> str:
    html = Template("{% load ui %}" + source).render(Context(context))
    return " ".join(html.split())


class NameForm(forms.Form):
    name = forms.CharField(help_text="Shown to your team.")


def test_a_page_header_escapes_its_title_and_keeps_its_buttons() -> None:
    html = render('{% page_header title=title %}<a href="/x">Go</a>{% endpage_header %}', title="<b>")
    assert '<h1 class="page-title">&lt;b&gt;</h1>' in html
    assert '<div class="btn-list"><a href="/x">Go</a></div>' in html


def test_a_card_escapes_what_is_put_into_it() -> None:
    assert "&lt;script&gt;" in render("{% card %}{{ name }}{% endcard %}", name="<script>")


def test_a_row_points_from_its_control_to_help_and_errors() -> None:
    html = render("{% form_row form.name %}", form=NameForm({"name": ""}))
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert '<div class="form-hint" id="id_name_helptext">Shown to your team.</div>' in html
    assert 'id="id_name_error"><div>This field is required.</div>' in html


def test_a_row_without_errors_does_not_point_to_any() -> None:
    html = render("{% form_row form.name %}", form=NameForm({"name": "Ada"}))
    assert 'aria-describedby="id_name_helptext"' in html
    assert "is-invalid" not in html


def test_paging_keeps_the_rest_of_the_query() -> None:
    request = RequestFactory().get("/customers/?q=ada&page=2")
    html = render("{% paging page %}", page=Paginator(range(90), 10).page(2), request=request)
    assert 'rel="prev" href="?q=ada&amp;page=1"' in html
    assert 'rel="next" href="?q=ada&amp;page=3"' in html
    assert "Page 2 of 9" in html


def test_paging_by_cursor_names_no_number() -> None:
    page: CursorPage[object] = CursorPage(rows=[], previous_cursor="", next_cursor="before:7")  # type: ignore[type-var]
    html = render("{% paging page %}", page=page, request=RequestFactory().get("/"))
    assert 'rel="next" href="?cursor=before%3A7"' in html
    assert 'rel="prev"' not in html


def test_one_page_alone_has_no_paging() -> None:
    request = RequestFactory().get("/")
    assert render("{% paging page %}", page=Paginator(range(3), 10).page(1), request=request) == ""


def test_progress_of_nothing_is_none() -> None:
    html = render('{% progress done=0 total=0 label="Sending" %}')
    assert "0 of 0 · 0 %" in html
    assert "hx-get" not in html


def test_progress_is_full_only_when_all_is_done() -> None:
    assert "· 99 %" in render('{% progress done=399 total=400 label="Sending" %}')


@time_machine.travel(datetime(2026, 11, 22, 12, 0, tzinfo=UTC), tick=False)
def test_ago_tells_the_exact_time_too() -> None:
    moment = datetime(2026, 11, 22, 11, 57, tzinfo=UTC)
    expected = (
        '<time datetime="2026-11-22T11:57:00+00:00" title="22 Nov 2026, 11:57 UTC">3 minutes ago</time>'
    )
    assert render("{{ moment|ago }}", moment=moment) == expected


def test_the_data_of_a_chart_cannot_end_its_script() -> None:
    chart = Chart(title="Orders", kind="bar", categories=["</script>"], series=[Series(name="n", values=[1])])
    html = render("{% chart chart %}", chart=chart)
    assert html.count("</script>") == 1
    assert '<th scope="row">&lt;/script&gt;</th><td class="text-end">1</td>' in html


def test_the_table_of_a_chart_formats_by_unit_and_shows_intervals() -> None:
    series = Series(name="Lift", values=[0.012, None], low=[-0.01, None], high=[0.03, None])
    chart = Chart(
        title="Lift", kind="interval", categories=["Open", "Click"], series=[series], unit="percent"
    )
    assert chart.columns() == ["Lift", "Lift, from", "Lift, to"]
    assert chart.rows() == [("Open", ["1.2 %", "−1.0 %", "3.0 %"]), ("Click", ["–", "–", "–"])]


def test_the_open_page_is_marked_in_the_navigation() -> None:
    html = render(
        "{% navigation_links %}", request=RequestFactory().get("/admin/users/"), user=User(is_staff=True)
    )
    assert '<a class="nav-link" href="/admin/" aria-current="page">' in html
