"""Hide Liquid from tools that would trip over it, and put it back.

`{% if a < b %}` in a text breaks an MJML parser, and quotes inside a tag break attributes. Each tag and output is
replaced by a word of letters and digits that markup tools carry along untouched.
"""

import bisect
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .findings import line_at

# A raw block is one piece: what looks like Liquid inside is text.
_LIQUID = re.compile(
    r"{%-?\s*raw\s*-?%}.*?{%-?\s*endraw\s*-?%}|{%-?\s*comment\s*-?%}.*?{%-?\s*endcomment\s*-?%}"
    r"""|{%(?:[^'"%]|"[^"]*"|'[^']*'|%(?!}))*%}|{{(?:[^'"}]|"[^"]*"|'[^']*'|}(?!}))*}}|{%.*?%}|{{.*?}}""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Mask:
    """A source with its Liquid hidden: `text`, the hidden `pieces`, and the way back."""

    source: str
    text: str
    pieces: tuple[str, ...]
    token: re.Pattern[str]
    _starts: tuple[tuple[int, int], ...] = field(repr=False)

    def restore(self, text: str, change: Callable[[int, str], str] | None = None) -> str:
        """Put the Liquid back into `text`; `change` may rewrite a piece, given its number and source."""
        if change is None:
            return self.token.sub(lambda match: self.pieces[int(match[1])], text)
        return self.token.sub(lambda match: change(int(match[1]), self.pieces[int(match[1])]), text)

    def line_of(self, offset: int) -> int:
        """Give the line in the source of a character position in `text`."""
        index = bisect.bisect_right(self._starts, (offset, len(self.source) + 1)) - 1
        masked, original = self._starts[index]
        return line_at(self.source, min(original + offset - masked, len(self.source)))


def mask(source: str) -> Mask:
    """Replace every Liquid tag, output, comment and raw block by a word that does not occur in the source."""
    key = "lq"
    while re.search(rf"{key}\d+x", source):
        key += "q"
    out: list[str] = []
    pieces: list[str] = []
    starts = [(0, 0)]
    end, length = 0, 0
    for match in _LIQUID.finditer(source):
        word = f"{key}{len(pieces)}x"
        out += [source[end : match.start()], word]
        length += match.start() - end + len(word)
        end = match.end()
        pieces.append(match[0])
        starts.append((length, end))
    out.append(source[end:])
    return Mask(source, "".join(out), tuple(pieces), re.compile(rf"{key}(\d+)x"), tuple(starts))
