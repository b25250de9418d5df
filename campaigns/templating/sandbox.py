"""The Liquid in which messages are written: the standard, bounded on every side, with tags and filters of our own.

Limits: source size, nesting, loop iterations, size of assigned variables, size of the output, size of what a filter
makes, and the deadline that `rendering` watches. `render` and `include` show blocks that the message brings, never
files, and there is no way around escaping.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from liquid import Environment
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidSyntaxError, TemplateNotFoundError
from liquid.loader import BaseLoader, TemplateSource
from liquid.template import BoundTemplate

from . import tags
from .filters import bounded, money
from .outputs import CountingEcho, CountingOutput, FixedContent
from .rendering import MessageTemplate, Rendering
from .runs import run_together

LARGEST_SOURCE = 500_000


class BlockLoader(BaseLoader):
    """Finds the blocks of a message, and nothing else in the world."""

    def get_source(
        self, env: Environment, template_name: str, *, context: RenderContext | None = None, **kwargs: object
    ) -> TemplateSource:
        """Refuse: sources come parsed, with their links checked, from `load`."""
        raise TemplateNotFoundError(template_name)

    def load(
        self,
        env: Environment,
        name: str,
        *,
        globals: Mapping[str, object] | None = None,
        context: RenderContext | None = None,
        **kwargs: object,
    ) -> MessageTemplate:
        """Give a block of the message that is rendered; one that is missing or faulty is empty, and counted."""
        rendering: Rendering | None = getattr(context, "rendering", None)
        if rendering is None:
            return tags.fragment(env, "", name)
        source = rendering.blocks.get(name)
        if source is None:
            rendering.fallbacks[f"block:{name}"] += 1
            return tags.fragment(env, "", name)
        try:
            return tags.fragment(env, source, name)
        except LiquidError:
            rendering.fallbacks[f"block-error:{name}"] += 1
            return tags.fragment(env, "", name)


class Sandbox(Environment):
    """Liquid for messages: no files, no way around escaping, everything bounded."""

    template_class = MessageTemplate
    block_nesting_limit = 20
    context_depth_limit = 20
    loop_iteration_limit = 1_000
    local_namespace_limit = 200_000
    output_stream_limit = 1_000_000

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register what authors may use: the standard, less `safe`, plus our own."""
        super().setup_tags_and_filters(extra=extra)
        self.loader = BlockLoader()
        del self.filters["safe"]
        for tag in (FixedContent, CountingOutput, CountingEcho, tags.SlotTag, tags.RecommendationsTag):
            self.add_tag(tag)
        for name, function in list(self.filters.items()):
            self.filters[name] = bounded(name, function)
        self.add_filter("money", money)

    def from_string(self, *args: Any, **kwargs: Any) -> BoundTemplate:
        """Parse a template, to be written in one go."""
        template = super().from_string(*args, **kwargs)
        run_together(template)
        return template


class CompiledSandbox(Sandbox):
    """The sandbox with the tags that compiling writes and authors may not."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Add the tags for links and for what blocks need around them."""
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(tags.FrameTag)
        self.add_tag(tags.LinkTag)
        self.add_tag(tags.TrackedTag)


AUTHOR = Sandbox(autoescape=True)
HTML = CompiledSandbox(autoescape=True)
TEXT = CompiledSandbox(autoescape=False)


def check_source(source: str) -> MessageTemplate:
    """Parse what an author wrote. Raises LiquidError with the place of the fault."""
    return _parse(AUTHOR, source)


@lru_cache(maxsize=512)
def parsed_html(source: str) -> MessageTemplate:
    """Parse compiled HTML, once a process; the source itself is the key, which no checksum can beat."""
    return _parse(HTML, source)


@lru_cache(maxsize=1024)
def parsed_text(source: str) -> MessageTemplate:
    """Parse a subject, preheader or compiled plain text, once a process."""
    return _parse(TEXT, source)


def _parse(environment: Sandbox, source: str) -> MessageTemplate:
    if len(source) > LARGEST_SOURCE:
        raise LiquidSyntaxError(f"the source is longer than {LARGEST_SOURCE:,} characters", token=None)
    template = environment.from_string(source)
    if not isinstance(template, MessageTemplate):
        raise LiquidError("unexpected template class", token=None)
    return template
