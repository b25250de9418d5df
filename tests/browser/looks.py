"""What can be looked at on a page: its theme, its width, what axe-core says."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
DESKTOP = {"width": 1400, "height": 900}
PHONE = {"width": 375, "height": 812}
Axe = Callable[[Page], list[str]]
Screenshot = Callable[[Page, str], Path]

WIDE = """() => {
  const clips = (e) => ["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX);
  const scrolls = (e) => e && e !== document.body && (clips(e) || scrolls(e.parentElement));
  const right = (e) => Math.round(e.getBoundingClientRect().right);
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility() && right(e) > innerWidth + 1 && !scrolls(e))
    .map((e) => `${e.tagName}.${e.getAttribute("class")} ${right(e)}`);
}"""


def choose_theme(page: Page, theme: str) -> None:
    """Choose light, dark or auto as a user does, by the switch's own event."""
    page.evaluate("theme => document.querySelector(`[data-theme-choice=${theme}]`).click()", theme)


def wide_elements(page: Page) -> list[str]:
    """Elements that stick out of the window to the right and are not inside something that scrolls."""
    found: list[str] = page.evaluate(WIDE)
    return found


def violations(page: Page, *, theme: str) -> list[str]:
    """What axe-core finds against WCAG 2.1 A and AA in one theme, one line a finding."""
    choose_theme(page, theme)
    return findings_of(page, "html")


def findings_of(page: Page, selector: str) -> list[str]:
    """What axe-core finds in the parts of a page as it is shown now, one line a finding."""
    # Evaluated, not added as a script tag: the page's own policy would refuse that.
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    options = json.dumps({"runOnly": {"type": "tag", "values": tags}})
    result = page.evaluate(f"selector => axe.run(selector, {options})", selector)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
