"""The condition language: JSON in, typed parts out. The grammar is written down in docs/conditions.md."""

from segments.conditions.needs import Needs, needs
from segments.conditions.nodes import (
    AllOf,
    AnyOf,
    Assigned,
    Comparison,
    Condition,
    Consented,
    Happened,
    InSegment,
    InStage,
    Not,
    Scored,
    Step,
    Total,
    Where,
)
from segments.conditions.parsing import ConditionError, parse
from segments.conditions.text import fold
from segments.conditions.wording import describe

__all__ = [
    "AllOf",
    "AnyOf",
    "Assigned",
    "Comparison",
    "Condition",
    "ConditionError",
    "Consented",
    "Happened",
    "InSegment",
    "InStage",
    "Needs",
    "Not",
    "Scored",
    "Step",
    "Total",
    "Where",
    "describe",
    "fold",
    "needs",
    "parse",
]
