"""How large a source may be: what is far beyond any mail is refused before anything reads it closely.

Parsers and checks take time that grows faster than the source. Within these bounds they end well within two seconds.
"""

import re
from collections.abc import Iterable

from .findings import Finding, Part, line_at
from .masking import mask

MOST_CHARACTERS = 100_000
MOST_TAGS = 2_000
MOST_LIQUID = 2_000
LONGEST_LIQUID = 3_000
MOST_BRACKETS = 50
_LIQUID = re.compile(r"{[{%]")


def bound_findings(part: Part, source: str) -> Iterable[Finding]:
    """Say where a source is larger than a mail can be."""
    if len(source) > MOST_CHARACTERS:
        yield Finding("error", f"The source is longer than {MOST_CHARACTERS:,} characters.", part)
        return
    if source.count("<") > MOST_TAGS:
        yield Finding("error", f"There are more than {MOST_TAGS:,} tags.", part)
        return
    if len(_LIQUID.findall(source)) > MOST_LIQUID:
        yield Finding("error", f"There is Liquid in more than {MOST_LIQUID:,} places.", part)
        return
    pieces = mask(source).pieces
    bracketed = max(pieces, key=lambda piece: piece.count("["), default="")
    if bracketed.count("[") > MOST_BRACKETS:
        line = line_at(source, source.index(bracketed))
        yield Finding("error", f"This Liquid has more than {MOST_BRACKETS} brackets.", part, line)
    longest = max(pieces, key=len, default="")
    if len(longest) > LONGEST_LIQUID:
        line = line_at(source, source.index(longest))
        yield Finding("error", f"This Liquid is longer than {LONGEST_LIQUID:,} characters.", part, line)
