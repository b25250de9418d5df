"""Values whose type nobody declared, compared in memory: own attributes, and properties of events."""

from decimal import Decimal
from typing import Any

from segments.conditions import Comparison, fold
from segments.conditions.needs import as_texts
from segments.conditions.nodes import COMPARE


def present(found: Any) -> Any:
    """Return the stored value; None where it is missing: NULL, JSON null, or an empty text."""
    return None if found is None or str(found) == "" else found


def open_holds(found: Any, condition: Comparison) -> bool:
    """Return whether the stored value fits; only one of the same JSON type as the condition's can."""
    found, op, wanted = present(found), condition.op, condition.value
    if op == "is_missing":
        return found is None
    if found is None or op == "is_present":
        return found is not None
    if isinstance(wanted, bool):
        return isinstance(found, bool) and COMPARE[op](found, wanted)
    if isinstance(wanted, Decimal):
        is_number = isinstance(found, int | Decimal) and not isinstance(found, bool)
        return is_number and COMPARE[op](found, wanted)
    return isinstance(found, str) and text_holds(found, condition)


def text_holds(found: str, condition: Comparison) -> bool:
    """Return whether a text that is there fits."""
    written, texts = fold(found), tuple(map(fold, as_texts(condition.value)))
    match condition.op:
        case "eq" | "in":
            return written in texts
        case "ne" | "not_in":
            return written not in texts
        case "contains":
            return texts[0] in written
    return written.startswith(texts[0])
