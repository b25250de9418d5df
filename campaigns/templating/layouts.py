"""Ready layouts for recommended products: `{% recommendations layout: "grid", k: 6 %}` stands between two sections.

It is replaced by MJML on the same line, so that findings still name the author's lines. The carousel scrolls sideways
where a program knows CSS; where it does not, all its products stand in two columns.
"""

import re
from functools import partial

GRID, LIST, CAROUSEL = "grid", "list", "carousel"
LAYOUTS = (GRID, LIST, CAROUSEL)
OPEN_TIME_LAYOUTS = (GRID, CAROUSEL)
"""Those for products that are chosen at each opening: pictures, in which name and price are drawn."""

_TAG = re.compile(r"{%-?\s*recommendations\b(?P<arguments>[^%]*?)-?%}")
_LAYOUT = re.compile(r"""\s*layout\s*:\s*(?:"(\w+)"|'(\w+)')\s*,?|,\s*layout\s*:\s*(?:"(\w+)"|'(\w+)')\s*""")
_OPEN_TIME = re.compile(r"\bopen_time\s*:\s*true\b")
_NUMBER = re.compile(r"\bk\s*:\s*(\d{1,2})")
_HEAD = re.compile(r"<mj-head\s*>|<mj-head\s[^>]*[^/]>")
_PRICE = "{{ product.price_minor | money: product.currency }}"
_NAME = '<a href="{{ product.url }}" style="color:#1b2a21;text-decoration:none;">{{ product.name }}</a>'
_TEXTS = (
    f'<mj-text font-size="15px" line-height="1.35" font-weight="600" padding="0">{_NAME}</mj-text>'
    f'<mj-text font-size="15px" line-height="1.5" color="#56635b" padding="2px 0 8px">{_PRICE}</mj-text>'
)
_PICTURE = (
    '<mj-image src="{{ product.image_url }}" alt="{{ product.name }}" href="{{ product.url }}" '
    'fluid-on-mobile="true" padding="0 0 10px" border-radius="8px" />'
)
# Outlook makes one table row of a section, however many columns it has: hence a section for each three products. A
# shelf goes on where the one before it ended.
_ROW = 3
_MARKUP = {
    GRID: (
        '<mj-section padding="0 18px" background-color="#ffffff">{open}'
        f'<mj-column width="33.33%" padding="8px 10px" vertical-align="top">{_PICTURE}{_TEXTS}</mj-column>'
        "{close}</mj-section>"
    ),
    LIST: (
        '{open}<mj-section padding="0 28px" background-color="#ffffff"><mj-group>'
        '<mj-column width="30%" padding="8px 0" vertical-align="middle">'
        f'{_PICTURE.replace("0 0 10px", "0")}</mj-column>'
        f'<mj-column width="70%" padding="8px 0 8px 18px" vertical-align="middle">{_TEXTS}</mj-column>'
        "</mj-group></mj-section>{close}"
    ),
    CAROUSEL: (
        '<mj-section padding="12px 18px 24px" background-color="#ffffff"><mj-column padding="0"><mj-raw>'
        '<tr><td align="left" style="font-size:0;padding:0;"><div class="carousel">{open}'
        '<div class="slide" style="display:inline-block;width:50%;vertical-align:top;font-size:15px;line-height:1.4;">'
        '<div style="padding:8px 10px;"><a href="{{{{ product.url }}}}" style="color:#1b2a21;text-decoration:none;">'
        '<img src="{{{{ product.image_url }}}}" alt="{{{{ product.name }}}}" width="240" '
        'style="display:block;width:100%;height:auto;border:0;border-radius:8px;" />'
        '<span style="display:block;padding:10px 0 2px;font-weight:600;">{{{{ product.name }}}}</span></a>'
        '<span style="display:block;color:#56635b;">{{{{ product.price_minor | money: product.currency }}}}</span>'
        "</div></div>{close}</div></td></tr></mj-raw></mj-column></mj-section>"
    ).replace("{{{{", "{{").replace("}}}}", "}}"),
}  # fmt: skip
_OPEN_TIME_MARKUP = {
    GRID: (
        '<mj-section padding="0 18px" background-color="#ffffff">{open}'
        f'<mj-column width="33.33%" padding="8px 10px" vertical-align="top">{_PICTURE}</mj-column>'
        "{close}</mj-section>"
    ),
    CAROUSEL: _MARKUP[CAROUSEL].partition("<span")[0]
    + "</a></div></div>{close}"
    + _MARKUP[CAROUSEL].partition("{close}")[2],
}
# A width of 0 keeps the long row from widening the table it stands in.
_CAROUSEL_STYLE = (
    "<mj-style>.carousel { width: 0; min-width: 100%; overflow-x: auto; white-space: nowrap; "
    "scroll-snap-type: x mandatory; } "
    ".carousel .slide { width: 64% !important; max-width: 260px; white-space: normal; scroll-snap-align: start; }"
    "</mj-style>"
)


def with_layouts(mjml: str) -> str:
    """Put the markup of each layout that is asked for in its place; an unknown one stays, and is refused by name."""
    found: set[str] = set()
    laid_out = _TAG.sub(partial(_laid_out, found=found), mjml)
    if CAROUSEL not in found:
        return laid_out
    head = _HEAD.search(laid_out)
    if head:
        return laid_out[: head.end()] + _CAROUSEL_STYLE + laid_out[head.end() :]
    style = f"<mj-head>{_CAROUSEL_STYLE}</mj-head>"
    return re.sub(r"<mjml\b[^>]*>", lambda match: match[0] + style, laid_out, count=1)


def _laid_out(match: re.Match[str], *, found: set[str]) -> str:
    asked = _LAYOUT.search(match["arguments"])
    layout = next(filter(None, asked.groups()), "") if asked else ""
    markup = _OPEN_TIME_MARKUP if _OPEN_TIME.search(match["arguments"]) else _MARKUP
    if asked is None or layout not in markup:
        return match[0]
    found.add(layout)
    before, after = match["arguments"][: asked.start()], match["arguments"][asked.end() :]
    rest = ", ".join(filter(None, (part.strip().strip(",").strip() for part in (before, after))))
    number = _NUMBER.search(rest)
    if layout == GRID and number and int(number[1]) > _ROW:
        shelves = [_ROW] * (int(number[1]) // _ROW) + [int(number[1]) % _ROW]
        return "".join(_shelf(markup[layout], _NUMBER.sub(f"k: {k}", rest)) for k in shelves if k)
    return _shelf(markup[layout], rest)


def _shelf(markup: str, arguments: str) -> str:
    opening = f"{{% recommendations {arguments} %}}"
    return markup.replace("{open}", opening).replace("{close}", "{% endrecommendations %}")
