"""What the source asks of e-mail programs and some of them do not do, by the data of caniemail.com."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from campaigns.templating.findings import Finding
from campaigns.templating.masking import Mask

FOLDER = Path(__file__).parent / "caniemail"
_STYLE = re.compile(
    r"""\sstyle\s*=\s*(?:"([^"]*)"|'([^']*)')|<(?:mj-)?style\b[^>]*>(.*?)</""", re.IGNORECASE | re.DOTALL
)
_DECLARATION = re.compile(r"(?:^|[;{\s])(-?[a-z][a-z-]*)\s*:\s*([^;{}]*)", re.IGNORECASE)
_AT_RULE = re.compile(r"@(font-face|import|keyframes|supports|media)([^{;]*)", re.IGNORECASE)
_ELEMENT = re.compile(r"<([a-z][a-z0-9]*)(?=[\s/>])([^>]*)", re.IGNORECASE)
_PICTURE = re.compile(
    r"""\ssrc\s*=\s*["'](?:[^"'?#]*\.(apng|avif|bmp|heif|heic|ico|svg|tiff?|webp)|(data:))""", re.IGNORECASE
)
_FUNCTIONS = {
    "linear-gradient(": "css-linear-gradient",
    "radial-gradient(": "css-radial-gradient",
    "conic-gradient(": "css-conic-gradient",
    "clamp(": "css-function-clamp",
    "min(": "css-function-min",
    "max(": "css-function-max",
    "calc(": "css-unit-calc",
    "var(": "css-variables",
}
_DISPLAYS = {"flex": "css-display-flex", "grid": "css-display-grid"}
_MEDIA = ("prefers-color-scheme", "prefers-reduced-motion", "orientation", "hover")
_INPUTS = frozenset({"checkbox", "hidden", "radio", "reset", "submit", "text"})


def client_findings(mask: Mask, masked: str) -> Iterable[Finding]:
    """Name each feature once, on its first line; not what MJML makes of its own elements, which it has seen to."""
    support = _support()
    seen: set[str] = set()
    for offset, slug in sorted(_features(masked)):
        if slug in support and slug not in seen:
            seen.add(slug)
            yield Finding("warning", _sentence(support[slug]), line=mask.line_after(masked[:offset]))


def _features(masked: str) -> Iterator[tuple[int, str]]:
    for match in _STYLE.finditer(masked):
        number = next(number for number in (1, 2, 3) if match[number] is not None)
        for offset, slug in _of_css(match[number]):
            yield match.start(number) + offset, slug
    for match in _ELEMENT.finditer(masked):
        name = match[1].lower()
        kind = re.search(r"""\btype\s*=\s*["']?(\w+)""", match[2])
        if name == "input":
            asked = kind[1].lower() if kind else "text"
            yield match.start(), f"html-input-{asked if asked in _INPUTS else 'text'}"
        yield match.start(), f"html-{'button-submit' if name == 'button' else name}"
    for match in _PICTURE.finditer(masked):
        kind_of = {"tif": "tiff", "heic": "heif"}.get(str(match[1]).lower(), str(match[1]).lower())
        yield match.start(), "image-base64" if match[2] else f"image-{kind_of}"


def _of_css(css: str) -> Iterator[tuple[int, str]]:
    for match in _AT_RULE.finditer(css):
        rule = match[1].lower()
        yield match.start(), f"css-at-{rule}"
        for feature in _MEDIA if rule == "media" else ():
            if feature in match[2].lower():
                yield match.start(), f"css-at-media-{feature}"
    for match in _DECLARATION.finditer(css):
        name, value = match[1].lower(), match[2].lower()
        if name.startswith("--"):
            yield match.start(), "css-variables"
        yield match.start(), f"css-{name}"
        if name == "display":
            yield match.start(), _DISPLAYS.get(value.split("!")[0].strip().removeprefix("inline-"), "")
        for written, slug in _FUNCTIONS.items():
            if re.search(rf"(?<![\w-]){re.escape(written)}", value):
                yield match.start(), slug


def _sentence(feature: dict[str, Any]) -> str:
    first, rest = feature["without"][:3], len(feature["without"]) - 3
    others = f" and {rest} more" if rest > 0 else ""
    return f"{feature['title']} does not work in {', '.join(first)}{others} (caniemail.com, {_updated()})."


@cache
def _support() -> dict[str, dict[str, Any]]:
    return json.loads((FOLDER / "support.json").read_text(encoding="utf-8"))


@cache
def _updated() -> str:
    return str(json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["updated"])
