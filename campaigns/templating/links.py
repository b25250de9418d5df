"""Links of a message: which may stand there, and how they are put behind a tracked address.

A static link becomes `{% link 3 %}`, its number in the version's list; a link that contains Liquid becomes
`{% tracked %}…{% endtracked %}` and gets its number while the message is rendered. Numbers, never addresses, travel
in tracking links, so that the redirect leads nowhere but where the message led.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote, urlsplit

from .findings import Finding, line_at
from .masking import Mask

# What the composer provides signed; it is never redirected.
SYSTEM_URLS = frozenset({"unsubscribe_url", "preferences_url"})
UNSAFE = "#"

# Attribute by attribute, as browsers read a tag: `>` may stand in a value, a quote in a name, and no space need
# stand between two attributes.
_TAG = re.compile(r"<(?:a|area)(?=[\s/>])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?P<value>"[^"]*+"|'[^']*+'|[^\s"'>][^\s>]*+|(?=>)))?+"""
)
_PLAIN_URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
_OUTPUT = re.compile(r"{{-?\s*([\w.]+)\s*-?}}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_RESERVED = "%/:?#[]@!$&'()*+,;=~-._"


class LinkRewriter(Protocol):
    """Turns a link of a message into the address that goes out."""

    def __call__(self, index: int, url: str) -> str:
        """Give the address that counts the click on link `index` and leads to `url`."""


@lru_cache(maxsize=4096)
def web_url(url: str) -> str | None:
    """Give the link as a valid http or https address, or None where it is anything else or unsafe."""
    url = url.strip()
    if _CONTROL.search(url) or not url[:8].lower().startswith(("http://", "https://")):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        netloc = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
        _ = parts.port
    except ValueError:
        return None
    if not host or "@" in netloc or re.search(r"[\s<>\"'%]", netloc):
        return None
    return quote(parts._replace(scheme=parts.scheme.lower(), netloc=netloc).geturl(), safe=_RESERVED)


def direct_url(url: str) -> str | None:
    """Give a link that is not tracked but allowed (mailto, tel, a place in the message), or None."""
    url = url.strip()
    if _CONTROL.search(url) or not url.lower().startswith(("mailto:", "tel:", "#")):
        return None
    return quote(url, safe=_RESERVED)


@dataclass(slots=True)
class LinkTable:
    """Collects the links of one template and the words that stand for them until Liquid is put back."""

    mask: Mask
    links: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _html: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)
    number_static: bool = True

    def replace_hrefs(self, masked_html: str) -> str:
        """Put a word in the place of every href that is to be tracked."""
        parts, done = [], 0
        for start, end in href_values(masked_html):
            value = masked_html[start:end]
            quoted = value[:1] in ("'", '"')
            parts += [masked_html[done:start], f'"{self._word(value[1:-1] if quoted else value)}"']
            done = end
        return "".join([*parts, masked_html[done:]])

    def replace_plain(self, masked_text: str) -> str:
        """Put a word in the place of every address in a written plain text."""
        text = _PLAIN_URL.sub(lambda match: self._word(html.escape(match[0])), masked_text)
        return self.mask.token.sub(lambda match: self._word_of_output(match), text)

    def as_html(self, text: str) -> str:
        """Put links and Liquid back for the HTML part."""
        return self.mask.restore(_WORD.sub(lambda match: self._html[int(match[1])], text))

    def as_text(self, text: str) -> str:
        """Put links and Liquid back for the plain part."""
        return self.mask.restore(_WORD.sub(lambda match: self._text[int(match[1])], text))

    def _word_of_output(self, match: re.Match[str]) -> str:
        output = _OUTPUT.fullmatch(self.mask.pieces[int(match[1])])
        is_link = output and output[1].endswith("url") and not output[1].endswith("image_url")
        return self._word(match[0]) if is_link else match[0]

    def _word(self, href: str) -> str:
        """Decide about one href (still HTML-escaped, its Liquid hidden) and give the word for it."""
        url = html.unescape(href)
        if self._is_system(href) or not url.strip():
            return href
        if self.mask.token.search(href) or not self.number_static:
            opening, closing = "{% tracked %}", "{% endtracked %}"
            return self._keep(f"{opening}{href}{closing}", f"{opening}{url}{closing}")
        web = web_url(url)
        if web is not None:
            tag = f"{{% link {self._index(web)} %}}"
            return self._keep(tag, tag)
        direct = direct_url(url)
        if direct is None:
            self._complain(url)
        return html.escape(direct or UNSAFE)

    def _is_system(self, href: str) -> bool:
        token = self.mask.token.fullmatch(href.strip())
        output = _OUTPUT.fullmatch(self.mask.pieces[int(token[1])]) if token else None
        return output is not None and output[1] in SYSTEM_URLS

    def _index(self, url: str) -> int:
        if url not in self.links:
            self.links.append(url)
        return self.links.index(url)

    def _keep(self, for_html: str, for_text: str) -> str:
        """Give equal links one word, so that plain text can tell a picture's link from the words' below it."""
        content = self.mask.restore(for_html)
        if content not in self._seen:
            self._seen[content] = len(self._html)
            self._html.append(for_html)
            self._text.append(for_text)
        return f"\ue000{self._seen[content]}\ue001"

    def _complain(self, url: str) -> None:
        offset = self.mask.source.find(url)
        line = line_at(self.mask.source, offset) if offset >= 0 else None
        message = f'The link "{url[:60]}" is not a web, mail or telephone address.'
        self.findings.append(Finding("error", message, line=line))


def href_values(markup: str) -> Iterator[tuple[int, int]]:
    """Give where the value of each href of a link stands, with its quotes; one pass over the text."""
    position = 0
    while tag := _TAG.search(markup, position):
        position = tag.end()
        while attribute := _ATTRIBUTE.match(markup, position):
            position = attribute.end()
            if attribute["name"].lower() == "href" and attribute["value"]:
                yield attribute.span("value")


_WORD = re.compile("\ue000(\\d+)\ue001")
