"""What accompanies one message while it is rendered: its links, its clock, what fell back.

The deadline on the wall clock is asked at every write and every filter, in the thread that renders; no signal or
timer is needed, so it holds in any worker. Between two askings at most one bounded filter runs.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, TextIO

from liquid.context import RenderContext, builtin
from liquid.exceptions import OutputStreamLimitError, ResourceLimitError
from liquid.output import LimitedStringIO
from liquid.template import BoundTemplate
from liquid.utils import ReadOnlyChainMap

from .links import UNSAFE, LinkRewriter, direct_url, web_url

SECONDS = 2.0


class TookTooLong(ResourceLimitError):
    """The message was not rendered within its time."""


@dataclass(slots=True)
class Rendering:
    """What is shared by the parts of one message while they are rendered."""

    links: tuple[str, ...] = ()
    blocks: Mapping[str, str] = field(default_factory=dict)
    """The HTML of the blocks that `render` and `include` show, by key."""
    rewriter: LinkRewriter | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    fallbacks: Counter[str] = field(default_factory=Counter)
    resolved: dict[str, int] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    """How many products of each strategy this part shows already: the next shelf goes on after them."""

    def check_time(self) -> None:
        """Raise TookTooLong after the deadline."""
        if time.monotonic() > self.deadline:
            raise TookTooLong("rendering took too long", token=None)

    def static_link(self, index: int) -> str:
        """Give the outgoing address of a link of the version's list."""
        return self.rewriter(index, self.links[index]) if self.rewriter else self.links[index]

    def resolved_link(self, url: str) -> str:
        """Check and number a link that this message's data made; an unsafe one leads nowhere and is counted."""
        web = web_url(url)
        if web is None:
            direct = direct_url(url)
            if direct is None:
                self.fallbacks["link"] += 1
            return direct or UNSAFE
        index = self.resolved.setdefault(web, len(self.links) + len(self.resolved))
        return self.rewriter(index, web) if self.rewriter else web


class Pieces(LimitedStringIO):
    """An output of limited size that watches the clock, and keeps what is written piece by piece."""

    def __init__(self, *, limit: int, rendering: Rendering) -> None:
        super().__init__(limit, newline="")
        self.rendering = rendering
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        """Keep a piece, unless the output is full or the time is up."""
        self.size += len(text) if text.isascii() else len(text.encode())
        self.check_size()
        self.rendering.check_time()
        self.pieces.append(text)
        return len(text)

    def check_size(self) -> None:
        """Raise OutputStreamLimitError where more was written than may be."""
        if self.size > self.limit:
            raise OutputStreamLimitError("output stream limit reached", token=None)

    def getvalue(self) -> str:
        """Return what was written."""
        return "".join(self.pieces)


class Scope(ReadOnlyChainMap):
    """The names that are known at one place of a template, those of the innermost block first."""

    def __getitem__(self, key: str) -> object:
        """Look a name up. Raises KeyError; unlike its parent no other error costs time on the way."""
        for names in self._maps:
            if key in names:
                return names[key]
        raise KeyError(key)

    def walk(self, path: tuple[str, ...]) -> object:
        """Follow names through dictionaries; None where they do not lead all the way."""
        head = path[0]
        for names in self._maps:
            if head in names:
                value = names[head]
                break
        else:
            return None
        for name in path[1:]:
            if not isinstance(value, dict) or name not in value:
                return None
            value = value[name]
        return value


class MessageContext(RenderContext):
    """A render context that knows the message it renders."""

    rendering: Rendering
    scope: Scope

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = Scope(self.locals, self.globals, builtin, self.counters)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """Give a buffer for captured output, under what is left of the limit."""
        used = buf.size if isinstance(buf, LimitedStringIO) else 0
        return Pieces(limit=(self.env.output_stream_limit or 0) - used, rendering=self.rendering)

    def copy(
        self,
        namespace: Mapping[str, object],
        disabled_tags: list[str] | None = None,
        carry_loop_iterations: bool = False,
        template: BoundTemplate | None = None,
        block_scope: bool = False,
    ) -> RenderContext:
        """Copy for a block that `render` shows: it belongs to the same message."""
        copied = super().copy(namespace, disabled_tags, carry_loop_iterations, template, block_scope)
        assert isinstance(copied, MessageContext)
        copied.rendering = self.rendering
        return copied

    def filter(self, name: str, token: Any) -> Any:
        """Find a filter, unless the time is up."""
        self.rendering.check_time()
        return super().filter(name, token)


class MessageTemplate(BoundTemplate):
    """A parsed template; `write` renders it for one message."""

    context_class = MessageContext

    def write(self, data: Mapping[str, object], rendering: Rendering) -> str:
        """Render with plain data. Raises LiquidError."""
        return "".join(self.pieces(data, rendering))

    def pieces(self, data: Mapping[str, object], rendering: Rendering) -> list[str]:
        """Render with plain data; return the pieces that make the text together. Raises LiquidError."""
        context = MessageContext(self, globals=data)
        context.rendering = rendering
        output = Pieces(limit=self.env.output_stream_limit or 0, rendering=rendering)
        self.render_with_context(context, output)
        return output.pieces
