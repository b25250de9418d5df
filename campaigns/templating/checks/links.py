"""Links that lead nowhere, or elsewhere than they say."""

import re
from collections.abc import Iterable
from html import unescape
from urllib.parse import urlsplit

from campaigns.templating.findings import Finding
from campaigns.templating.masking import Mask

_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_ANCHOR = re.compile(
    r"""<a\s[^>]*?href\s*=\s*["']([^"']*)["'][^>]*>(.*?)</a\s*>""", re.IGNORECASE | re.DOTALL
)
_TAGS = re.compile(r"<[^>]*>")
_SHOWN_HOST = re.compile(r"^(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:[/?#]\S*)?$", re.IGNORECASE)
_SHORTENERS = frozenset(
    {"bit.ly", "tinyurl.com", "goo.gl", "ow.ly", "t.co", "is.gd", "buff.ly", "rebrand.ly"}
)
_NOWHERE = frozenset({"", "#", "http://", "https://"})
_RESERVED = re.compile(r"(^|\.)(example\.(com|net|org)|invalid|localhost)$|^127\.|^10\.|^192\.168\.")


def link_findings(mask: Mask, masked: str) -> Iterable[Finding]:
    """Look at the links that stand in the source; what data makes of others is checked when mails are written."""
    for match in _HREF.finditer(masked):
        href = unescape(match[1] if match[1] is not None else match[2]).strip()
        for message in () if mask.token.search(href) else _about(href):
            yield Finding("warning", message, line=mask.line_after(masked[: match.start()]))
    for match in _ANCHOR.finditer(masked):
        shown = _SHOWN_HOST.match(unescape(_TAGS.sub("", match[2])).strip())
        host = _host(unescape(match[1]))
        if shown and host and not _is_below(host, shown[1].lower()):
            message = (
                f"The link reads {shown[1]} and leads to {host}: readers and filters take that for phishing."
            )
            yield Finding("warning", message, line=mask.line_after(masked[: match.start()]))


def _about(href: str) -> Iterable[str]:
    if href in _NOWHERE:
        yield "A link leads nowhere."
        return
    host = _host(href)
    if host in _SHORTENERS:
        yield f"The link goes through {host}; filters distrust shortened links."
    elif host and _RESERVED.search(host):
        yield f"The link leads to {host}, which no reader can reach."
    elif href.lower().startswith("http://"):
        yield f'The link "{href[:60]}" is not encrypted; use https.'


def _host(href: str) -> str:
    try:
        return (urlsplit(href.strip()).hostname or "").lower()
    except ValueError:
        return ""


def _is_below(host: str, shown: str) -> bool:
    one, other = host.removeprefix("www."), shown.removeprefix("www.")
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
