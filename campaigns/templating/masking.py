"""Hide Liquid from tools that would trip over it, and put it back.

`{% if a < b %}` in a text breaks an MJML parser, and quotes inside a tag break attributes. Each tag and output is
replaced by a word of letters and digits that markup tools carry along untouched.
"""

import re
from dataclasses import dataclass

# A raw block is one piece: what looks like Liquid inside is text.
_LIQUID = re.compile(
    r"{%-?\s*raw\s*-?%}.*?{%-?\s*endraw\s*-?%}|{%-?\s*comment\s*-?%}.*?{%-?\s*endcomment\s*-?%}"
    r"""|{%(?:[^'"%]|"[^"]*"|'[^']*'|%(?!}))*%}|{{(?:[^'"}]|"[^"]*"|'[^']*'|}(?!}))*}}|{%.*?%}|{{.*?}}""",
    re.DOTALL,
)

_BLOCKS = {"if", "unless", "for", "case", "capture", "tablerow", "ifchanged", "slot", "recommendations"}


@dataclass(frozen=True, slots=True)
class Mask:
    """A source with its Liquid hidden: `text`, the hidden `pieces`, and the way back."""

    source: str
    text: str
    pieces: tuple[str, ...]
    token: re.Pattern[str]

    def restore(self, text: str) -> str:
        """Put the Liquid back into `text`."""
        return self.token.sub(lambda match: self.pieces[int(match[1])], text)

    def line_after(self, text: str) -> int:
        """Give the line (from 1) of the source that a beginning of the masked text leads up to."""
        return self.restore(text).count("\n") + 1


def mask(source: str) -> Mask:
    """Replace every Liquid tag, output, comment and raw block by a word that does not occur in the source."""
    key = "lq"
    while re.search(rf"{key}\d+x", source):
        key += "q"
    pieces: list[str] = []

    def hide(match: re.Match[str]) -> str:
        pieces.append(match[0])
        return f"{key}{len(pieces) - 1}x"

    text = _LIQUID.sub(hide, source)
    return Mask(source, text, tuple(pieces), re.compile(rf"{key}(\d+)x"))


def unclosed_line(source: str) -> int | None:
    """Give the line of the innermost Liquid block that is opened and never closed, or None."""
    names = {match[1] for match in re.finditer(r"{%-?\s*end(\w+)", source)} | _BLOCKS
    open_blocks: list[tuple[str, int]] = []
    for match in _LIQUID.finditer(source):
        tag = re.match(r"{%-?\s*(\w+)", match[0])
        if tag is None or "endraw" in match[0] or "endcomment" in match[0]:
            continue
        if tag[1] in names:
            open_blocks.append((tag[1], source.count("\n", 0, match.start()) + 1))
        elif open_blocks and tag[1] == f"end{open_blocks[-1][0]}":
            open_blocks.pop()
    return open_blocks[-1][1] if open_blocks else None
