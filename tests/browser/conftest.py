"""A real Chromium against the live server: sign-in, axe, console, overflow, screenshots.

`live_server` answers from a thread with its own connection, so these tests use a transactional database.
Playwright's synchronous API keeps an event loop in this thread, which Django takes for async code:
DJANGO_ALLOW_ASYNC_UNSAFE says that it is not.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.browser.looks import DESKTOP, Axe, Screenshot, violations

HERE = Path(__file__).parent
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The path of a Chromium: REGARDS_CHROMIUM, or one on the PATH."""
    named = os.environ.get("REGARDS_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder drives a browser, and needs a database that other threads can see."""
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the session; without one these tests are skipped, in CI they fail."""
    executable = find_browser()
    if executable is None:
        reason = "NO BROWSER: install chromium or set REGARDS_CHROMIUM; the browser tests did not run"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, headless=True, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    """A fresh profile, signed out; a page may not leave the live server."""
    opened = browser.new_context(
        base_url=live_server.url,
        viewport=DESKTOP,
        reduced_motion="reduce",
        color_scheme="light",
        locale="en-GB",
    )
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about so far: errors, CSP violations, failed and foreign requests."""
    return []


@pytest.fixture
def visitor(context: BrowserContext, live_server: LiveServer, complaints: list[str]) -> Page:
    """A page of somebody who is not signed in."""
    page = context.new_page()
    page.on("console", lambda message: _note(message, complaints))
    page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
    page.on("requestfailed", lambda request: _note_failed(request, complaints))

    def check(request: Any) -> None:
        if not request.url.startswith((live_server.url, "data:", "about:", "blob:")):
            complaints.append(f"foreign: {request.url}")

    page.on("request", check)
    return page


@pytest.fixture
def page(visitor: Page, context: BrowserContext, live_server: LiveServer) -> Page:
    """A page of a signed-in administrator, `ada@example.com`."""
    user = get_user_model().objects.create_superuser(
        "ada@example.com", "an outdoor shop", name="Ada Marketer"
    )
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return visitor


@pytest.fixture
def axe() -> Axe:
    """`axe(page)`: what axe-core finds against WCAG 2 A and AA, in light and in dark, one line a finding."""
    return lambda page: [
        f"{theme}: {finding}" for theme in ("light", "dark") for finding in violations(page, theme=theme)
    ]


@pytest.fixture
def screenshot() -> Screenshot:
    """`screenshot(page, name)`: the whole page, in a window as tall as it, as var/screenshots/name.png."""

    def take(page: Page, name: str) -> Path:
        folder = settings.BASE_DIR / "var" / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(folder / f"{name}.png")
        size = page.viewport_size or DESKTOP
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
        page.screenshot(path=path)
        page.set_viewport_size(size)
        return path

    return take


def _note_failed(request: Request, complaints: list[str]) -> None:
    """Typing on takes back a count that is still running (`hx-sync="this:replace"`): that request did not fail."""
    is_taken_back = request.failure == "net::ERR_ABORTED" and "hx-request" in request.headers
    if not is_taken_back:
        complaints.append(f"failed: {request.url} {request.failure}")


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    is_taken_back = message.text.startswith(("htmx:sendAbort", "htmx:afterRequest"))  # see _note_failed
    if message.type in {"error", "warning"} and not is_taken_back:
        complaints.append(f"{message.type}: {message.text}")
