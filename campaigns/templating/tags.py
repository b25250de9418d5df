"""Liquid tags of our own: slots, recommendations, and the links that compiling writes."""

import html
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TextIO

from liquid import Environment
from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import Identifier, KeywordArgument, StringLiteral, parse_primitive
from liquid.builtin.tags.for_tag import ForLoop
from liquid.builtin.tags.include_tag import IncludeNode
from liquid.builtin.tags.render_tag import RenderNode
from liquid.context import RenderContext
from liquid.exceptions import BreakLoop, ContinueLoop, LiquidError, LiquidSyntaxError
from liquid.expression import Expression
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_COMMA, TOKEN_EXPRESSION, TOKEN_TAG, Token

from recommendations.strategies import STRATEGIES

from .layouts import LAYOUTS, OPEN_TIME_LAYOUTS
from .links import LinkTable
from .masking import mask
from .outputs import CountingOutputNode
from .plain import html_to_text
from .rendering import MessageContext, MessageTemplate

ARMS_CHOICE = ""
"""A shelf whose strategy is left to the arm of the campaign, or to a rule."""
AT_OPENING = "@"
"""Stands before the name of a shelf that is filled anew when the mail is opened."""
MOST_PRODUCTS = 50

# What ready HTML needs around it where the template's elements would have made table rows and columns.
_FRAMES = {
    "row": ("<tr><td>", "</td></tr>"),
    "cell": ('<!--[if mso | IE]><td style="vertical-align:top;"><![endif]--><div>', "</div>"
             "<!--[if mso | IE]></td><![endif]-->"),
    "block": ('<div style="margin:0 auto;max-width:600px;">', "</div>"),
    "": ("", ""),
}  # fmt: skip


class SlotNode(Node):
    """`{% slot "hero" %}fallback{% endslot %}`: what the rules chose for the slot, else the fallback."""

    def __init__(self, token: Token, *, name: str, frame: str, block: BlockNode) -> None:
        super().__init__(token)
        self.name, self.frame, self.block = name, frame, block
        self.blank = False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Render the chosen content in this context, or the fallback, which is counted."""
        content = self._content(context)
        if content is None:
            rendering_of(context).rendering.fallbacks[f"slot:{self.name}"] += 1
            return self.block.render(context, buffer)
        before, after = _FRAMES[self.frame if context.autoescape else ""]
        buffer.write(before)
        with context.extend({}):
            for node in content.nodes:
                node.render(context, buffer)
        return buffer.write(after) + 1

    def _content(self, context: RenderContext) -> MessageTemplate | None:
        slots = context.resolve("slots", default=None)
        source = slots.get(self.name) if isinstance(slots, dict) else None
        if not isinstance(source, str) or not source.strip():
            return None
        try:
            return fragment(context.env, source)
        except LiquidError:
            rendering_of(context).rendering.fallbacks[f"slot-error:{self.name}"] += 1
            return None

    def children(self, static_context: RenderContext, *, include_partials: bool = True) -> Iterable[Node]:
        """Give the fallback, for the analysis of variables."""
        return [self.block]


class SlotTag(Tag):
    """Parses `{% slot "name" %}`; compiling adds `frame: "row"` where HTML has to be framed."""

    name = "slot"
    end = "endslot"

    def parse(self, stream: TokenStream) -> Node:
        """Parse the name and the fallback."""
        token = stream.eat(TOKEN_TAG)
        inner = stream.into_inner(tag=token)
        name = _constant(parse_primitive(self.env, inner))
        if not isinstance(name, str) or not name:
            raise LiquidSyntaxError('a slot needs a name in quotes, like {% slot "hero" %}', token=token)
        if inner.current.kind == TOKEN_COMMA:
            next(inner)
        arguments = _arguments(self, inner, token, {"frame"})
        frame = str(arguments.get("frame", ""))
        block = get_parser(self.env).parse_block(stream, frozenset({self.end}))
        stream.expect(TOKEN_TAG, value=self.end)
        return SlotNode(token, name=name, frame=frame if frame in _FRAMES else "", block=block)


class RecommendationsNode(Node):
    """`{% recommendations k: 3 %}…{{ product.name }}…{% else %}…{% endrecommendations %}`.

    `shelf` is what fills it: a strategy, or the arm's choice; with `AT_OPENING` before it, again at each opening.
    """

    def __init__(
        self, token: Token, *, k: int, shelf: str, block: BlockNode, default: BlockNode | None
    ) -> None:
        super().__init__(token)
        self.k, self.shelf, self.block, self.default = k, shelf, block, default
        self.blank = False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Render the block once a product; with none, the `else` part, which is counted."""
        products = self._products(context)
        if not products:
            rendering_of(context).rendering.fallbacks["recommendations"] += 1
            return self.default.render(context, buffer) if self.default else 0
        loop = ForLoop("product-recommendations", iter(products), len(products), context.parentloop())
        scope: dict[str, object] = {"forloop": loop, "product": None}
        written = 0
        with context.loop(scope, loop):
            for product in loop:
                scope["product"] = product
                try:
                    written += self.block.render(context, buffer)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break
        return written

    def _products(self, context: RenderContext) -> Sequence[object]:
        """Give at most k products that no shelf before has shown.

        The context holds the list of the arm's choice, or a list for each strategy that shelves name; and what stands
        in for products that are chosen at each opening.
        """
        is_at_opening = self.shelf.startswith(AT_OPENING)
        given = context.resolve("open_time" if is_at_opening else "recommendations", default=None)
        if isinstance(given, Mapping):
            given = given.get(self.shelf)
        elif self.shelf != ARMS_CHOICE:
            given = None
        if not isinstance(given, Sequence) or isinstance(given, str):
            return []
        taken = rendering_of(context).rendering.taken
        chosen = list(given)[taken[self.shelf] :][: self.k]
        taken[self.shelf] += len(chosen)
        return chosen

    def children(self, static_context: RenderContext, *, include_partials: bool = True) -> Iterable[Node]:
        """Give both parts, for the analysis of variables."""
        return [self.block] + ([self.default] if self.default else [])

    def block_scope(self) -> Iterable[Identifier]:
        """Name what the block may use."""
        return [Identifier("product", token=self.token), Identifier("forloop", token=self.token)]


class RecommendationsTag(Tag):
    """Parses `{% recommendations k: 3, strategy: "trending", open_time: true %}`; all arguments may be left out.

    Without a strategy the arm of the campaign chooses, or a rule.
    """

    name = "recommendations"
    end = "endrecommendations"

    def parse(self, stream: TokenStream) -> Node:
        """Parse the arguments, the block and the `else` part."""
        token = stream.eat(TOKEN_TAG)
        has_arguments = stream.current.kind == TOKEN_EXPRESSION
        arguments = (
            _arguments(self, stream.into_inner(tag=token), token, {"k", "strategy", "layout", "open_time"})
            if has_arguments
            else {}
        )
        is_at_opening = arguments.get("open_time", False)
        if not isinstance(is_at_opening, bool):
            raise LiquidSyntaxError("open_time must be true or false", token=token)
        if "layout" in arguments:
            known = ", ".join(OPEN_TIME_LAYOUTS if is_at_opening else LAYOUTS)
            when = " for products chosen at opening" if is_at_opening else ""
            raise LiquidSyntaxError(
                f"there is no layout {arguments['layout']!r}{when}; there are {known}", token=token
            )
        k = arguments.get("k", 3)
        if not isinstance(k, int) or not 1 <= k <= MOST_PRODUCTS:
            raise LiquidSyntaxError(f"k must be a number from 1 to {MOST_PRODUCTS}", token=token)
        parser = get_parser(self.env)
        block = parser.parse_block(stream, frozenset({"else", self.end}))
        default = None
        if stream.current.is_tag("else"):
            next(stream)
            default = parser.parse_block(stream, frozenset({self.end}))
        stream.expect(TOKEN_TAG, value=self.end)
        strategy = str(arguments.get("strategy", ARMS_CHOICE))
        if strategy and strategy not in STRATEGIES:
            known = ", ".join(STRATEGIES)
            raise LiquidSyntaxError(f"there is no strategy {strategy!r}; there are {known}", token=token)
        shelf = AT_OPENING + strategy if is_at_opening else strategy
        return RecommendationsNode(token, k=k, shelf=shelf, block=block, default=default)


class LinkNode(Node):
    """`{% link 3 %}`: a link of the version's list."""

    def __init__(self, token: Token, index: int) -> None:
        super().__init__(token)
        self.index, self.blank = index, False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the outgoing address."""
        return buffer.write(self.said(rendering_of(context)))

    def said(self, context: MessageContext) -> str:
        """Give the outgoing address."""
        url = context.rendering.static_link(self.index)
        return html.escape(url) if context.autoescape else url


class LinkTag(Tag):
    """Parses `{% link 3 %}`, which only compiling writes."""

    name = "link"
    block = False

    def parse(self, stream: TokenStream) -> Node:
        """Parse the number."""
        token = stream.eat(TOKEN_TAG)
        index = _constant(parse_primitive(self.env, stream.into_inner(tag=token, eat=False)))
        if not isinstance(index, int):
            raise LiquidSyntaxError("a link needs its number", token=token)
        return LinkNode(token, index)


class TrackedNode(Node):
    """`{% tracked %}https://shop.example/{{ product.slug }}{% endtracked %}`: a link that data completes."""

    def __init__(self, token: Token, block: BlockNode) -> None:
        super().__init__(token)
        self.block, self.blank = block, False
        only = block.nodes[0] if len(block.nodes) == 1 else None
        self.only = only if isinstance(only, CountingOutputNode) else None

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the outgoing address."""
        return buffer.write(self.said(rendering_of(context)))

    def said(self, context: MessageContext) -> str:
        """Render the address, check it, number it, give the outgoing address."""
        if self.only is not None:
            url = self.only.said(context)
        else:
            inner = context.get_buffer()
            self.block.render(context, inner)
            url = inner.getvalue()
        outgoing = context.rendering.resolved_link(html.unescape(url) if context.autoescape else url)
        return html.escape(outgoing) if context.autoescape else outgoing

    def children(self, static_context: RenderContext, *, include_partials: bool = True) -> Iterable[Node]:
        """Give the address's parts, for the analysis of variables."""
        return [self.block]


class TrackedTag(Tag):
    """Parses `{% tracked %}…{% endtracked %}`, which only compiling writes."""

    name = "tracked"
    end = "endtracked"

    def parse(self, stream: TokenStream) -> Node:
        """Parse the address."""
        token = stream.eat(TOKEN_TAG)
        block = get_parser(self.env).parse_block(stream, frozenset({self.end}))
        stream.expect(TOKEN_TAG, value=self.end)
        return TrackedNode(token, block)


class FrameNode(Node):
    """`{% frame "row" %}{% render "offer" %}{% endframe %}`: a block with what its HTML needs around it."""

    def __init__(self, token: Token, *, frame: str, block: BlockNode) -> None:
        super().__init__(token)
        self.frame, self.block = frame, block
        self.blank = False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Render what is inside; the frame around it in HTML only."""
        before, after = _FRAMES[self.frame if context.autoescape else ""]
        buffer.write(before)
        self.block.render(context, buffer)
        return buffer.write(after) + 1

    def children(self, static_context: RenderContext, *, include_partials: bool = True) -> Iterable[Node]:
        """Give what is inside, for the analysis of variables."""
        return [self.block]


class FrameTag(Tag):
    """Parses `{% frame "row" %}…{% endframe %}`, which only compiling writes."""

    name = "frame"
    end = "endframe"

    def parse(self, stream: TokenStream) -> Node:
        """Parse the frame's name and what is inside."""
        token = stream.eat(TOKEN_TAG)
        frame = str(_constant(parse_primitive(self.env, stream.into_inner(tag=token))))
        block = get_parser(self.env).parse_block(stream, frozenset({self.end}))
        stream.expect(TOKEN_TAG, value=self.end)
        return FrameNode(token, frame=frame if frame in _FRAMES else "", block=block)


def block_of(node: Node) -> str | None:
    """Return the key of the block that a `render` or `include` shows; None for other nodes, "" for a computed key."""
    if not isinstance(node, RenderNode | IncludeNode):
        return None
    return node.name.value if isinstance(node.name, StringLiteral) else ""


@lru_cache(maxsize=1024)
def fragment(environment: Environment, source: str, name: str = "") -> MessageTemplate:
    """Parse HTML with Liquid, as of a block; all its links are tracked. Raises LiquidError."""
    hidden = mask(source)
    table = LinkTable(hidden, number_static=False)
    replaced = table.replace_hrefs(hidden.text)
    html_or_text = (
        table.as_html(replaced) if environment.autoescape else table.as_text(html_to_text(replaced))
    )
    template = environment.from_string(html_or_text, name=name)
    if not isinstance(template, MessageTemplate):
        raise LiquidError("slots are rendered in messages only", token=None)
    return template


def rendering_of(context: RenderContext) -> MessageContext:
    """Narrow a context to ours; tags of ours are rendered nowhere else."""
    if not isinstance(context, MessageContext):
        raise LiquidError("this tag works in messages only", token=None)
    return context


def _arguments(tag: Tag, inner: TokenStream, token: Token, allowed: set[str]) -> dict[str, object]:
    arguments = {argument.name: argument.value for argument in KeywordArgument.parse(tag.env, inner)}
    for name in arguments.keys() - allowed:
        raise LiquidSyntaxError(f"{tag.name} knows no argument '{name}'", token=token)
    return {name: _constant(value) for name, value in arguments.items()}


def _constant(expression: Expression) -> object:
    """Give a literal's value; anything else is None, since these arguments are read before there is data."""
    return getattr(expression, "value", None)
