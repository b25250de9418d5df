"""All stored test cases of a rule set, tried on a document."""

from collections.abc import Iterable
from datetime import datetime

from common.clock import now as present
from rules.cases import Verdict, judge_case
from rules.documents import Document
from rules.models import RuleSet, RuleTest


def try_document(rule_set: RuleSet, document: Document, *, now: datetime | None = None) -> list[Verdict]:
    """Return the verdict on every stored case, in the order of their names; one query."""
    return try_cases(rule_set.tests.all(), document, now=now)


def try_cases(cases: Iterable[RuleTest], document: Document, *, now: datetime | None = None) -> list[Verdict]:
    """Return the verdict on each of these cases; no query."""
    at = now or present()
    return [judge_case(case.name, case.customer, case.expected, document, now=at) for case in cases]


def failures(verdicts: Iterable[Verdict]) -> list[str]:
    """Return a sentence for each case that fails."""
    return [f"“{one.name}” fails: {' '.join(one.problems)}" for one in verdicts if not one.passes]
