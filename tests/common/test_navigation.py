from itertools import groupby

import pytest
from django.http import HttpResponse
from django.urls import include, path
from pytest_django import Settings

from common.navigation import FOOT, MAIN, NavItem, links


def _page(request: object) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", _page, name="home"),
    path(
        "customers/",
        include(([path("", _page, name="list"), path("data/", _page, name="data")], "customers")),
    ),
]


@pytest.fixture(autouse=True)
def few_pages(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def active(path: str) -> list[str]:
    return [link.label for link in links(MAIN, path=path, is_staff=False) if link.is_active]


def test_items_without_a_page_are_left_out() -> None:
    assert [link.url for link in links(MAIN, path="/", is_staff=False)] == [
        "/",
        "/customers/",
        "/customers/data/",
    ]


def test_home_is_active_only_at_home() -> None:
    assert active("/") == ["Home"]
    assert active("/elsewhere/") == []


def test_the_longest_matching_prefix_is_active() -> None:
    assert active("/customers/17/") == ["Customers"]
    assert active("/customers/data/imports/3/") == ["Data"]


def test_a_path_that_only_begins_alike_is_not_under_an_item() -> None:
    assert active("/customers-old/") == []


def test_items_for_staff_are_hidden_from_others() -> None:
    items = [NavItem(label="Admin", url_name="home", icon="settings", staff_only=True)]
    assert links(items, path="/", is_staff=False) == []
    assert [link.label for link in links(items, path="/", is_staff=True)] == ["Admin"]


def test_the_admin_is_for_staff() -> None:
    assert [item.label for item in FOOT if item.staff_only] == ["Admin"]


def test_items_of_a_section_stand_together() -> None:
    sections = [item.section for item in MAIN]
    assert len(list(groupby(sections))) == len(set(sections))
