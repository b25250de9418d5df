"""The one renderer: preview, test send, campaign and API all come through here.

The context is plain data. Its contract:

- `customer`: first_name, last_name, email, country, …, attributes; facts and attributes also by their bare names;
- `slots`: name → HTML with Liquid that rules chose; a name that is missing shows the slot's fallback;
- `recommendations`: a list of products, or a list for each strategy; a product is a dict with name, price_minor,
  currency, image_url, url;
- `unsubscribe_url`, `preferences_url`: ready signed addresses, which are not tracked;
- `sender`: name, postal_address; `campaign`: name; `now`, `today`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from liquid.exceptions import LiquidError

from .compile import Compiled
from .links import LinkRewriter
from .plain import tidy
from .rendering import MessageTemplate, Rendering
from .sandbox import HTML, parsed_html, parsed_text
from .tags import fragment

LONGEST_SUBJECT = 200
_FAILURES = frozenset({"failed", "slot-error", "block", "block-error", "recommendations", "link"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class RenderFailed(Exception):
    """The template could not be rendered with this context; the text says why."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message's words.

    `fallbacks` counts what was missing, in the part that misses it most: a variable's
    path, `slot:<name>`, `block:<key>`, `recommendations`, `link` (unsafe address).
    `links` are the addresses that this message's data made; link number `len(compiled.links) + i` is `links[i]`.
    """

    subject: str
    preheader: str
    html_pieces: tuple[str, ...]
    text: str
    fallbacks: dict[str, int]
    links: tuple[str, ...]

    @property
    def failures(self) -> int:
        """How many of the fallbacks are no mere values that are missing, and no slots that rules leave empty."""
        return sum(what.partition(":")[0] in _FAILURES for what in self.fallbacks)

    @property
    def html(self) -> str:
        """The HTML as one text."""
        return "".join(self.html_pieces)


NO_BLOCKS: Mapping[str, str] = MappingProxyType({})


def render(
    compiled: Compiled,
    context: Mapping[str, object],
    *,
    links: LinkRewriter | None = None,
    blocks: Mapping[str, str] = NO_BLOCKS,
) -> Rendered:
    """Render all parts for one recipient; without `links` the addresses stand as they are (preview).

    `blocks` are the compiled HTML of the blocks that the template names, by key.

    Raises RenderFailed when a limit is passed, time is up, or a filter cannot work with the data.
    """
    rendering = Rendering(links=compiled.links, rewriter=links, blocks=blocks)
    with _failures():
        subject = _line(compiled.subject, context, rendering)
        preheader = _line(compiled.preheader, context, rendering)
        html = tuple(_written(parsed_html(compiled.html), context, rendering))
        text = tidy("".join(_written(parsed_text(compiled.text), context, rendering)))
    return Rendered(subject, preheader, html, text, dict(rendering.fallbacks), tuple(rendering.resolved))


def render_fragment(source: str, context: Mapping[str, object]) -> str:
    """Render a block's compiled HTML by itself, for a system that puts it into its own mail.

    Links are checked but stand as they are. Raises RenderFailed.
    """
    rendering = Rendering()
    with _failures():
        return fragment(HTML, source).write(context, rendering)


@contextmanager
def _failures() -> Iterator[None]:
    """Turn whatever data and template can do to each other into one error."""
    try:
        yield
    except LiquidError as error:
        raise RenderFailed(str(error.message)) from error
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise RenderFailed(f"{type(error).__name__}: {error}") from error


def _written(template: MessageTemplate, context: Mapping[str, object], rendering: Rendering) -> list[str]:
    """Render one part; what is missing in several parts counts as often as in the part that misses it most."""
    before, rendering.fallbacks = rendering.fallbacks, Counter()
    rendering.taken.clear()
    written = template.pieces(context, rendering)
    rendering.fallbacks |= before
    return written


def _line(source: str, context: Mapping[str, object], rendering: Rendering) -> str:
    """Make a header's value: one line, no control or direction marks, at most 200 characters."""
    written = "".join(_written(parsed_text(source), context, rendering)) if source else ""
    line = " ".join(_CONTROL.sub(" ", written).split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1].rstrip() + "…"
