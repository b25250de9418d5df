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

from liquid.builtin.expressions import Filter, FilteredExpression, Path
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoTag
from liquid.context import RenderContext
from liquid.exceptions import ResourceLimitError
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string
from liquid.template import BoundTemplate
from liquid.undefined import Undefined

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


class TimedBuffer(LimitedStringIO):
    """An output of limited size that watches the clock."""

    def __init__(self, *, limit: int, rendering: Rendering) -> None:
        super().__init__(limit, newline="")
        self.rendering = rendering

    def write(self, text: str) -> int:
        """Write, unless the output is full or the time is up."""
        self.rendering.check_time()
        return super().write(text)


class MessageContext(RenderContext):
    """A render context that knows the message it renders."""

    rendering: Rendering

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """Give a buffer for captured output, under what is left of the limit."""
        used = buf.size if isinstance(buf, LimitedStringIO) else 0
        return TimedBuffer(limit=(self.env.output_stream_limit or 0) - used, rendering=self.rendering)

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
        context = MessageContext(self, globals=self.make_globals(data))
        context.rendering = rendering
        buffer = TimedBuffer(limit=self.env.output_stream_limit or 0, rendering=rendering)
        self.render_with_context(context, buffer)
        return buffer.getvalue()


class CountingOutputNode(OutputNode):
    """An output that counts when its variable was missing, also where a `default` filled in."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Evaluate, count a missing variable, write."""
        expression = self.expression
        if not isinstance(expression, FilteredExpression):
            return super().render_to_output(context, buffer)
        value = expression.left.evaluate(context)
        is_missing = value is None or value == "" or isinstance(value, Undefined)
        if is_missing and isinstance(expression.left, Path) and isinstance(context, MessageContext):
            context.rendering.fallbacks[str(expression.left)] += 1
        filters: list[Filter] = expression.filters or []
        for filter_ in filters:
            value = filter_.evaluate(value, context)
        return buffer.write(to_liquid_string(value, context.autoescape))


class CountingOutput(Output):
    """`{{ … }}`."""

    node_class = CountingOutputNode


class CountingEcho(EchoTag):
    """`{% echo … %}`."""

    node_class = CountingOutputNode  # type: ignore[assignment]
