"""Writing the nodes of a block in one go.

A template is mostly its own words with short values between them. Calling each node, and each call watching the clock
and the size, costs more than what is written. Here the words and values of a block are written by one loop; whatever
else stands in it, as a condition or a loop, is rendered as ever, and its blocks in turn in one go.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TextIO, cast

from liquid.ast import BlockNode, Node
from liquid.builtin.tags.include_tag import IncludeNode
from liquid.builtin.tags.render_tag import RenderNode
from liquid.context import RenderContext
from liquid.template import BoundTemplate

from .outputs import FixedNode
from .rendering import MessageContext, Pieces

Said = Callable[[MessageContext], str]


class Saying(Protocol):
    """A node that writes one short text."""

    def said(self, context: MessageContext) -> str:
        """Give the text."""


class RunNode(Node):
    """The nodes of a block."""

    def __init__(self, nodes: list[Node]) -> None:
        super().__init__(nodes[0].token)
        self.blank = all(node.blank for node in nodes)
        self.nodes = nodes
        self.steps = [_step(node) for node in nodes]

    def render(self, context: RenderContext, buffer: TextIO) -> int:
        """Write all of them; where nothing is written (a block of blanks) they are rendered one by one."""
        if not isinstance(buffer, Pieces) or not isinstance(context, MessageContext):
            return sum(node.render(context, buffer) for node in self.nodes)
        buffer.rendering.check_time()
        pieces, before = buffer.pieces, buffer.size
        for text, size, said, node in self.steps:
            if node is not None:
                node.render(context, buffer)
                continue
            if said is not None:
                text = said(context)
                size = len(text) if text.isascii() else len(text.encode())
            buffer.size += size
            if buffer.size > buffer.limit:
                buffer.check_size()
            pieces.append(text)
        return buffer.size - before

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write all of them."""
        return self.render(context, buffer)

    def children(self, static_context: RenderContext, *, include_partials: bool = True) -> Iterable[Node]:
        """Give the nodes, for the analysis of variables."""
        return self.nodes


def run_together(template: BoundTemplate) -> None:
    """Let each block of a parsed template be written in one go."""
    pending = list(template.nodes)
    static = template.context_class(template)
    while pending:
        node = pending.pop()
        if isinstance(node, RenderNode | IncludeNode):
            continue
        pending += node.children(static)
        if isinstance(node, BlockNode) and node.nodes:
            node.nodes = [RunNode(node.nodes)]
    if template.nodes:
        template.nodes = [RunNode(template.nodes)]


def _step(node: Node) -> tuple[str, int, Said | None, Node | None]:
    """Return a text with its size in bytes, or what says one, or a node to be rendered."""
    if isinstance(node, FixedNode):
        return node.text, node.size, None, None
    if hasattr(node, "said"):
        return "", 0, cast(Saying, node).said, None
    return "", 0, None, node
