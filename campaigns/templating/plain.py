"""Derive readable plain text from a compiled message."""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        "p",
        "div",
        "tr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "table",
        "blockquote",
        "section",
        "header",
        "footer",
    ]
)
_PARAGRAPHS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"])
_SILENT = frozenset({"head", "style", "script", "title", "noscript"})
_EMPTY_LINES = re.compile(r"\n{3,}")
_PREVIEW = re.compile(r'<div style="display:none;[^>]*>.*?</div>', re.DOTALL)


class _Reader(HTMLParser):
    """Collects the words; links become "text (address)", pictures speak only where a link has no words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.silent = 0
        self.links: list[tuple[str, int, str]] = []
        self.worded: set[str] = set()
        self.pictures: list[tuple[int, str]] = []

    def words(self) -> str:
        """Join what was read, without linked pictures whose address has words elsewhere."""
        for place, address in self.pictures:
            if address in self.worded:
                self.out[place] = ""
        return "".join(self.out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _SILENT or self.silent:
            self.silent += tag in _SILENT
        elif tag == "br":
            self.out.append("\n")
        elif tag == "hr":
            self.out.append("\n\n----\n\n")
        elif tag == "li":
            self.out.append("\n- ")
        elif tag == "a":
            self.links.append((given.get("href") or "", len(self.out), ""))
        elif tag == "img" and self.links:
            address, start, alt = self.links[-1]
            self.links[-1] = (address, start, alt or given.get("alt") or "")
        elif tag in _BLOCKS:
            self.out.append("\n\n" if tag in _PARAGRAPHS else "\n")
        elif tag in ("td", "th"):
            self.out.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "a" and self.links:
            self._close_link(*self.links.pop())
        elif tag in _BLOCKS:
            self.out.append("\n\n" if tag in _PARAGRAPHS else "\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(re.sub(r"\s+", " ", data))

    def _close_link(self, address: str, start: int, alt: str) -> None:
        words = "".join(self.out[start:]).strip()
        shown = address and not address.startswith("#") and address.removeprefix("mailto:") != words
        if words:
            self.worded.add(address)
            self.out.append(f" ({address})" if shown else "")
        elif shown:
            self.pictures.append((len(self.out), address))
            self.out.append(f"{alt} ({address})" if alt else address)


def html_to_text(html: str) -> str:
    """Give the text of an HTML document or fragment; hidden previews, comments and styles are left out."""
    reader = _Reader()
    reader.feed(_PREVIEW.sub("", html))
    reader.close()
    return tidy(reader.words())


def tidy(text: str) -> str:
    """Take away trailing blanks and pile-ups of empty lines."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip() + "\n"
