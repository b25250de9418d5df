"""Blocks: MJML that stands in a column by itself, compiled to HTML that fits into a slot."""

import html
import re

from campaigns.templating.compile import Compiled, compile_template
from campaigns.templating.findings import Finding

_OPEN, _CLOSE = "<!-- block -->", "<!-- /block -->"
_PAGE = (
    "<mjml><mj-body><mj-section padding='0'><mj-column padding='0'>"
    f"<mj-raw>{_OPEN}</mj-raw>\n{{}}\n<mj-raw>{_CLOSE}</mj-raw>"
    "</mj-column></mj-section></mj-body></mjml>"
)
_BETWEEN = re.compile(f"{re.escape(_OPEN)}(.*){re.escape(_CLOSE)}", re.DOTALL)
_LINK = re.compile(r"{% link (\d+) %}")
_TRACKED = re.compile(r"{% (?:end)?tracked %}")
_ABOUT_PAGES = ("unsubscribe",)


def compile_block(mjml: str) -> tuple[str, list[Finding]]:
    """Compile elements that may stand in an mj-column; returns one table with Liquid in it, and the findings.

    The HTML is empty after an error. Line numbers count from the block's first line.
    """
    compiled = compile_template(subject="", preheader="", mjml=_PAGE.format(mjml), blocks=None)
    findings = [
        Finding(one.severity, one.message, one.part, max(1, one.line - 1) if one.line else None)
        for one in compiled.findings
        if not any(word in one.message.lower() for word in _ABOUT_PAGES) and one.part != "subject"
    ]
    rows = _BETWEEN.search(_with_plain_links(compiled))
    if rows is None:
        return "", findings
    table = '<table role="presentation" border="0" cellpadding="0" cellspacing="0" width="100%"><tbody>'
    return f"{table}{rows.group(1).strip()}</tbody></table>", findings


def _with_plain_links(compiled: Compiled) -> str:
    """Put the addresses back: the slot that shows the block numbers its links among those of the message."""
    plain = _LINK.sub(lambda match: html.escape(compiled.links[int(match.group(1))]), compiled.html)
    return _TRACKED.sub("", plain)
