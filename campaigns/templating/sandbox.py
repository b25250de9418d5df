"""The Liquid in which messages are written: the standard, bounded on every side, with tags and filters of our own.

Limits: source size, nesting, loop iterations, size of assigned variables, size of the output, size of what a filter
makes, and the deadline that `rendering` watches. There are no files to include and no way around escaping.
"""

from functools import lru_cache

from liquid import Environment
from liquid.exceptions import LiquidError, LiquidSyntaxError

from . import tags
from .filters import bounded, money
from .rendering import CountingEcho, CountingOutput, MessageTemplate

LARGEST_SOURCE = 500_000


class Sandbox(Environment):
    """Liquid for messages: no files, no way around escaping, everything bounded."""

    template_class = MessageTemplate
    block_nesting_limit = 20
    context_depth_limit = 20
    loop_iteration_limit = 1_000
    local_namespace_limit = 200_000
    output_stream_limit = 1_000_000

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register what authors may use: the standard, less files and `safe`, plus our own."""
        super().setup_tags_and_filters(extra=extra)
        for name in ("include", "render"):
            del self.tags[name]
        del self.filters["safe"]
        for tag in (CountingOutput, CountingEcho, tags.SlotTag, tags.RecommendationsTag):
            self.add_tag(tag)
        for name, function in list(self.filters.items()):
            self.filters[name] = bounded(name, function)
        self.add_filter("money", money)


class CompiledSandbox(Sandbox):
    """The sandbox with the link tags that compiling writes and authors may not."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Add the link tags."""
        super().setup_tags_and_filters(extra=extra)
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
