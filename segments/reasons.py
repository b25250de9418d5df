"""Why somebody fits a segment, or does not: its condition judged for one customer, and whether they are on its list."""

from dataclasses import dataclass
from datetime import datetime

from common.clock import now
from customers.models import Customer
from segments import membership
from segments.conditions import ConditionError, needs
from segments.evaluator import Explanation, explain, load_profiles
from segments.models import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """What was found at a moment: an explanation, or else a sentence on why there is none."""

    at: datetime
    explanation: Explanation | None = None
    problem: str = ""


def reasons(segment: Segment, customer: Customer) -> Reasons:
    """Judge the customer as of the segment's own "now", or else the present; a fixed number of queries."""
    at = segment.as_of or now()
    try:
        condition = membership.condition_of(segment)
    except ConditionError as error:
        return Reasons(at=at, problem=f"The condition of this segment cannot be read: {error}")
    profile = load_profiles([customer.pk], needs(condition), now=at).get(customer.pk)
    if profile is None:
        return Reasons(at=at, problem="This is an anonymous visitor; segments hold known customers.")
    return Reasons(at=at, explanation=_with_list(segment, customer, explain(condition, profile, now=at)))


def _with_list(segment: Segment, customer: Customer, rest: Explanation) -> Explanation:
    """Of a fixed list: whether the customer is on it, and, where it is part of another segment, in that."""
    if not segment.is_static:
        return rest
    line = segment.listed.filter(customer=customer).first()
    facts = f"added {line.added_at:%-d %B %Y %H:%M} UTC" if line else "not on it"
    part = Explanation("Is on the list", line is not None, facts)
    if segment.parent is None:
        return part
    return Explanation("All of these", part.holds and rest.holds, "", (part, rest))
