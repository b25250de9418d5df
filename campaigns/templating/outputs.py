"""What a template writes: its own words as they stand, and `{{ … }}`.

Both say what python-liquid says, in a fraction of its time: whatever can be known when a template is parsed is looked
up once, and names are followed through dictionaries without the ceremony that other objects need.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TextIO

from liquid import escape
from liquid.builtin.content import ContentNode
from liquid.builtin.content import Literal as Content
from liquid.builtin.expressions import Filter, FilteredExpression, Path, PositionalArgument
from liquid.builtin.expressions.primitive import Literal
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoTag
from liquid.context import RenderContext
from liquid.exceptions import FilterArgumentError, LiquidTypeError
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from liquid.token import Token
from liquid.undefined import Undefined

from delivery.quoted_printable import Fixed

from .rendering import MessageContext

LONGEST_REMEMBERED = 200
Value = Callable[[MessageContext], object]
Step = Callable[[object, MessageContext], object]
# Liquid makes these of things that hold no such name.
_MADE = frozenset({"size", "first", "last"})


class FixedNode(ContentNode):
    """A piece of the template itself."""

    def __init__(self, token: Token, text: str) -> None:
        super().__init__(token, Fixed(text))
        self.size = len(text.encode())


class FixedContent(Content):
    """The template's own words."""

    node_class = FixedNode


class CountingOutputNode(OutputNode):
    """An output that counts when its variable was missing, also where a `default` filled in."""

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        self.value: Value | None = None
        self.steps: list[Step] = []

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write what is said."""
        if not isinstance(context, MessageContext):
            return super().render_to_output(context, buffer)
        return buffer.write(self.said(context))

    def said(self, context: MessageContext) -> str:
        """Evaluate, count a missing variable, and give the text."""
        expression = self.expression
        if not isinstance(expression, FilteredExpression):
            return to_liquid_string(expression.evaluate(context), context.autoescape)
        if self.value is None:
            self.steps = [_step(one, context) for one in expression.filters or ()]
            self.value = _value(expression.left, context)
        value = self.value(context)
        is_missing = not value if isinstance(value, str) else value is None or isinstance(value, Undefined)
        if is_missing and isinstance(expression.left, Path):
            context.rendering.fallbacks[str(expression.left)] += 1
        for step in self.steps:
            value = step(value, context)
        if type(value) is str:
            return _escaped(value) if context.autoescape else value
        return to_liquid_string(value, context.autoescape)


class CountingOutput(Output):
    """`{{ … }}`."""

    node_class = CountingOutputNode


class CountingEcho(EchoTag):
    """`{% echo … %}`."""

    node_class = CountingOutputNode  # type: ignore[assignment]


def _value(expression: Expression, context: MessageContext) -> Value:
    """Prepare reading an expression: a literal is read now, plain names are followed, anything else is evaluated."""
    if isinstance(expression, Literal):
        constant = expression.evaluate(context)
        return lambda _: constant
    names = expression.path if isinstance(expression, Path) else []
    if not names or not all(isinstance(name, str) and name not in _MADE for name in names):
        return expression.evaluate
    plain = tuple(map(str, names))

    def followed(context: MessageContext) -> object:
        value = context.scope.walk(plain)
        return expression.evaluate(context) if value is None else value

    return followed


def _escaped(text: str) -> str:
    """Escape for HTML; short texts, as names and prices, come again and again."""
    return _escaped_before(text) if len(text) <= LONGEST_REMEMBERED else str(escape(text))


@lru_cache(maxsize=16_384)
def _escaped_before(text: str) -> str:
    return str(escape(text))


def _step(one: Filter, context: MessageContext) -> Step:
    """Prepare a filter; one with named arguments, or that wants more than values, is evaluated as ever."""
    function = context.env.filters.get(one.name)
    wants_more = getattr(function, "with_context", False) or getattr(function, "with_environment", False)
    if function is None or wants_more or not all(isinstance(arg, PositionalArgument) for arg in one.args):
        return one.evaluate
    arguments = [_value(arg.value, context) for arg in one.args]
    filter_function: Callable[..., Any] = function

    def step(value: object, context: MessageContext) -> object:
        context.rendering.check_time()
        try:
            return filter_function(value, *[argument(context) for argument in arguments])
        except TypeError as error:
            raise LiquidTypeError(f"{one.name}: {error}", token=one.token) from error
        except (LiquidTypeError, FilterArgumentError) as error:
            error.token = one.token
            raise

    return step
