"""What published rule sets say about customers, for a whole chunk at once."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Q

from products.models import Product
from rules.documents import Actions, Document, Recommendation, Setting, parse_document
from rules.models import RuleSetVersion
from rules.outcomes import Outcome, outcome_of
from segments.conditions import Condition, fold
from segments.fitting import fitting_ids
from segments.judging import judge_each

_BRANCH = "SELECT fits.id, %s::int AS condition FROM ({fits}) AS fits (id)"
Excluded = Callable[[Outcome], frozenset[str]]


@dataclass(slots=True)
class Decision:
    """What to do for one customer, over all rule sets asked; what was decided first stays.

    `show` and `recommend` go by slot. `exclude` holds external product ids, those of excluded categories too.
    `fired` names each rule as "rule set: rule". `fell_back` is true where no rule fired at all. Customers whom the same
    rules fit share one decision: it is read, not changed.
    """

    show: dict[str, str] = field(default_factory=dict)
    recommend: dict[str, Recommendation] = field(default_factory=dict)
    variables: dict[str, Setting] = field(default_factory=dict)
    exclude: frozenset[str] = frozenset()
    suppress: bool = False
    fired: list[str] = field(default_factory=list)
    version_ids: list[int] = field(default_factory=list)

    @property
    def fell_back(self) -> bool:
        """Whether everything here comes from `otherwise`."""
        return not self.fired


def decide(
    versions: Sequence[RuleSetVersion], customer_ids: Iterable[int], *, now: datetime
) -> dict[int, Decision]:
    """Return a decision for every id asked; unknown and anonymous people get the fallback.

    One query for all conditions of all versions, and one more where categories are excluded, for any number of
    customers and rules. Load versions with `select_related("rule_set")`.
    """
    ids = list(dict.fromkeys(customer_ids))
    conditions = list(dict.fromkeys(rule.when for version in versions for rule in document_of(version).rules))
    fitting = who_fits(conditions, ids, now=now)
    excluded = _exclusions(versions)
    decided: dict[frozenset[int], Decision] = {}
    decisions = {}
    for one in ids:
        held = fitting.get(one, frozenset())
        if held not in decided:
            holds = {conditions[position] for position in held}.__contains__
            decided[held] = _decision(versions, holds, excluded)
        decisions[one] = decided[held]
    return decisions


def who_fits(
    conditions: Sequence[Condition], ids: Sequence[int], *, now: datetime
) -> Mapping[int, frozenset[int]]:
    """Return the positions of the conditions that each known customer fits; one query."""
    if not conditions or not ids:
        return {}
    patterns: dict[tuple[bool, ...], frozenset[int]] = {}
    fitting = {}
    for pk, verdicts in judge_each(conditions, now=now, among=ids):
        held = tuple(verdicts)
        if held not in patterns:
            patterns[held] = frozenset(number for number, holds in enumerate(held) if holds)
        fitting[pk] = patterns[held]
    return fitting


def held_sql(
    conditions: Sequence[Condition], *, now: datetime, among: Sequence[int] | None
) -> tuple[str, list[Any]]:
    """Return SQL for rows (id, condition), one for each condition by position that a customer fits."""
    branches, parameters = [], []
    for position, condition in enumerate(conditions):
        sql, values = fitting_ids(condition, now=now, among=among).query.sql_with_params()
        branches.append(_BRANCH.format(fits=sql))
        parameters += [position, *values]
    return " UNION ALL ".join(branches), parameters


def fallback_decision(*versions: RuleSetVersion) -> Decision:
    """Return what the versions do for somebody of whom nothing is known."""
    return _decision(versions, lambda condition: False, _exclusions(versions))


def may_exclude(versions: Iterable[RuleSetVersion]) -> bool:
    """Whether any rule or fallback of these versions leaves out products for anybody."""
    return any(each.exclude_products or each.exclude_categories for each in _actions_of(versions))


def _actions_of(versions: Iterable[RuleSetVersion]) -> list[Actions]:
    documents = [document_of(version) for version in versions]
    return [each for one in documents for each in (*(rule.then for rule in one.rules), one.otherwise)]


def document_of(version: RuleSetVersion) -> Document:
    """Return the parsed document; parsed once per process, as versions never change."""
    return _parsed(json.dumps(version.document))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Document:
    return parse_document(json.loads(text))


def _decision(
    versions: Iterable[RuleSetVersion], holds: Callable[[Condition], bool], excluded: Excluded
) -> Decision:
    decision = Decision()
    for version in versions:
        slot, said = version.rule_set.slot, outcome_of(document_of(version), holds)
        decision.version_ids.append(version.pk)
        decision.fired.extend(f"{version.rule_set.key}: {name}" for name in said.fired)
        if said.show is not None:
            decision.show.setdefault(slot, said.show)
        if said.recommend is not None:
            decision.recommend.setdefault(slot, said.recommend)
        decision.variables = {**said.settings, **decision.variables}
        decision.exclude |= excluded(said)
        decision.suppress |= said.suppress
    return decision


def _exclusions(versions: Iterable[RuleSetVersion]) -> Excluded:
    """Look up the products below excluded categories, in one query if any is named."""
    paths = {path for each in _actions_of(versions) for path in each.exclude_categories}
    products = _products_below(paths) if paths else {}
    return lambda said: frozenset(said.exclude_products).union(
        *(products[path] for path in said.exclude_categories)
    )


def _products_below(paths: Iterable[str]) -> Mapping[str, frozenset[str]]:
    rows = [
        (fold(path), external_id)
        for path, external_id in Product.objects.filter(~Q(category=None)).values_list(
            "category__path", "external_id"
        )
    ]
    return {
        wanted: frozenset(name for path, name in rows if f"{path}/".startswith(f"{fold(wanted)}/"))
        for wanted in paths
    }
