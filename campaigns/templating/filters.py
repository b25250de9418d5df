"""Liquid filters of our own, and bounds on what the built-in ones may produce."""

import functools
import re
from collections.abc import Callable
from typing import Any

from liquid.exceptions import FilterArgumentError, ResourceLimitError
from liquid.undefined import Undefined

from common.money import format_money

LARGEST_TEXT = 1_000_000
LARGEST_LIST = 1_000
LARGEST_INTEGER_BITS = 256

_WIDE_DIRECTIVE = re.compile(r"%[^A-Za-z%]*\d{3}")


def money(minor: object, currency: object = "EUR") -> str:
    """Write an amount in minor units (`1250 | money: "GBP"` gives £12.50); nothing gives an empty text."""
    if minor is None or minor == "" or isinstance(minor, Undefined):
        return ""
    try:
        amount = int(str(minor))
    except ValueError as error:
        raise FilterArgumentError("money: expected an integer in minor units", token=None) from error
    return format_money(amount, str(currency or "EUR").upper())


def bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a filter so that neither its input nor its result can grow without bound."""
    check = _INPUTS.get(name)

    @functools.wraps(function)
    def guarded(left: object, *args: Any, **kwargs: Any) -> Any:
        if isinstance(left, range) and len(left) > LARGEST_LIST:
            raise ResourceLimitError(f"{name}: the range is too long", token=None)
        if check is not None and args:
            check(left, args)
        result = function(left, *args, **kwargs)
        if isinstance(result, str | list) and len(result) > LARGEST_TEXT:
            raise ResourceLimitError(f"{name}: the result is too long", token=None)
        if isinstance(result, int) and result.bit_length() > LARGEST_INTEGER_BITS:
            raise ResourceLimitError(f"{name}: the number is too large", token=None)
        return result

    return guarded


def _check_replace(left: object, args: tuple[Any, ...]) -> None:
    if len(args) > 1 and isinstance(left, str):
        old, new = str(args[0]), str(args[1])
        if left.count(old) * len(new) > LARGEST_TEXT:
            raise ResourceLimitError("replace: the result is too long", token=None)


def _check_join(left: object, args: tuple[Any, ...]) -> None:
    size = len(left) if isinstance(left, list | tuple | range) else 0
    if size * len(str(args[0])) > LARGEST_TEXT:
        raise ResourceLimitError("join: the result is too long", token=None)


def _check_date(left: object, args: tuple[Any, ...]) -> None:
    if _WIDE_DIRECTIVE.search(str(args[0])):
        raise ResourceLimitError("date: the format is too wide", token=None)


_INPUTS = {"replace": _check_replace, "join": _check_join, "date": _check_date}
