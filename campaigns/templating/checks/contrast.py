"""Text that cannot be told from what is behind it (WCAG 2.2, success criterion 1.4.3)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from PIL import ImageColor

from campaigns.templating.findings import Finding
from campaigns.templating.masking import Mask

NORMAL, LARGE = 4.5, 3.0
LARGE_PIXELS, LARGE_BOLD_PIXELS = 24.0, 18.66
Colour = tuple[int, int, int]
_TAG = re.compile(
    r"""<!--.*?-->|<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)(?P<attrs>(?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_EMPTY = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "col", "area"})
_BACKGROUNDS = ("container-background-color", "background-color")
_DEFAULTS = {"mj-button": {"color": "#ffffff", "background-color": "#414141"}}


@dataclass(frozen=True, slots=True)
class _Style:
    """How text looks inside an element; None where data or a picture decides."""

    name: str
    text: Colour | None = (0, 0, 0)
    behind: Colour | None = (255, 255, 255)
    pixels: float = 13.0
    is_bold: bool = False


@dataclass(slots=True)
class _Sheet:
    """What mj-attributes says of all elements, of one kind, and of classes."""

    of_all: dict[str, str] = field(default_factory=dict)
    by_name: dict[str, dict[str, str]] = field(default_factory=dict)
    by_class: dict[str, dict[str, str]] = field(default_factory=dict)

    def complete(self, name: str, attributes: dict[str, str]) -> dict[str, str]:
        """Give an element's attributes with those that it inherits."""
        said = _DEFAULTS.get(name, {}) | self.of_all | self.by_name.get(name, {})
        for one in attributes.get("mj-class", "").split():
            said = said | self.by_class.get(one, {})
        return said | attributes


def contrast_findings(mask: Mask, masked: str) -> Iterable[Finding]:
    """Compare each text's colour with what is behind it; what data or pictures decide is left alone."""
    sheet = _Sheet()
    stack = [_Style("")]
    end = 0
    for match in _TAG.finditer(masked):
        said = mask.token.sub("x", masked[end : match.start()]).strip()
        if said and any(style.name in ("mj-text", "mj-button", "mj-table") for style in stack):
            yield from _judged(stack[-1], mask, masked[: match.start()])
        end = match.end()
        name = (match["name"] or "").lower()
        if not name:
            continue
        if match["close"]:
            _leave(stack, name)
            continue
        attributes = {key.lower(): one or other for key, one, other in _ATTRIBUTE.findall(match["attrs"])}
        if any(style.name == "mj-attributes" for style in stack):
            _note(sheet, name, attributes)
        style = _inside(stack[-1], name, attributes, sheet, mask)
        if not match["attrs"].endswith("/") and name not in _EMPTY:
            stack.append(style)


def ratio(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two sRGB colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    shares = (value / 255 for value in colour)
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _judged(style: _Style, mask: Mask, before: str) -> Iterable[Finding]:
    if style.text is None or style.behind is None:
        return
    is_large = style.pixels >= LARGE_PIXELS or (style.is_bold and style.pixels >= LARGE_BOLD_PIXELS)
    wanted, found = LARGE if is_large else NORMAL, ratio(style.text, style.behind)
    if found < wanted:
        text, behind = (f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in (style.text, style.behind))
        message = f"Text in {text} on {behind} has a contrast of {found:.1f}; {wanted} can be read by most."
        yield Finding("warning", message, line=mask.line_after(before.rstrip()))


def _inside(outer: _Style, name: str, attributes: dict[str, str], sheet: _Sheet, mask: Mask) -> _Style:
    if name.startswith("mj-"):
        said = sheet.complete(name, attributes)
        outer = outer if name not in ("mj-text", "mj-button", "mj-table") else _Style("", behind=outer.behind)
    else:
        pairs = (one.partition(":") for one in attributes.get("style", "").split(";"))
        said = {key.strip().lower(): value.strip() for key, _, value in pairs if value}
        said |= {"background-color": said["background"]} if "background" in said else {}
        said |= {"background-color": attributes["bgcolor"]} if "bgcolor" in attributes else {}
    behind = outer.behind
    for key in _BACKGROUNDS:
        behind = _colour(said[key], mask) if key in said else behind
    if "background-url" in said or "background-image" in said or "url(" in said.get("background", ""):
        behind = None
    return _Style(
        name,
        text=_colour(said["color"], mask) if "color" in said else outer.text,
        behind=behind,
        pixels=_pixels(said.get("font-size", ""), outer.pixels),
        is_bold=_is_bold(said.get("font-weight", ""), name) or (outer.is_bold and "font-weight" not in said),
    )


def _leave(stack: list[_Style], name: str) -> None:
    for depth in range(len(stack) - 1, 0, -1):
        if stack[depth].name == name:
            del stack[depth:]
            return


def _note(sheet: _Sheet, name: str, attributes: dict[str, str]) -> None:
    if name == "mj-all":
        sheet.of_all.update(attributes)
    elif name == "mj-class":
        sheet.by_class[attributes.pop("name", "")] = attributes
    else:
        sheet.by_name.setdefault(name, {}).update(attributes)


def _colour(text: str, mask: Mask) -> Colour | None:
    """Read a colour; None for what is not one, is see-through, or is made of data."""
    if mask.token.search(text):
        return None
    try:
        red, green, blue, *alpha = ImageColor.getrgb(text.replace("!important", "").strip())
    except ValueError:
        return None
    return (red, green, blue) if not alpha or alpha[0] == 255 else None


def _pixels(text: str, inherited: float) -> float:
    match = re.fullmatch(r"\s*([\d.]+)px\s*", text)
    return float(match[1]) if match and match[1].count(".") < 2 else inherited


def _is_bold(weight: str, name: str) -> bool:
    return (
        weight == "bold"
        or (weight.isdecimal() and int(weight) >= 700)
        or name in ("b", "strong", "h1", "h2", "h3")
    )
