"""What rule sets say about customers: for a whole chunk by SQL, for one profile in memory."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from django.db.models import Q

from products.models import Product
from rules.documents import Actions, Document, Recommendation, Setting, parse_document
from rules.models import RuleSetVersion
from segments.compiler import compile_condition
from segments.conditions import Condition, Needs, fold, needs
from segments.evaluator import load_profiles, matches

Excluded = Callable[[Actions], frozenset[str]]


@dataclass(slots=True)
class Decision:
    """What to do for one customer, over all rule sets asked; what was decided first stays.

    `show` and `recommend` go by slot. `exclude` holds external product ids, those of excluded categories too.
    `fired` names each rule as "rule set: rule". `fell_back` is true where no rule fired at all.
    """

    show: dict[str, str] = field(default_factory=dict)
    recommend: dict[str, Recommendation] = field(default_factory=dict)
    variables: dict[str, Setting] = field(default_factory=dict)
    exclude: set[str] = field(default_factory=set)
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

    One query for each different condition and at most one more, for any number of customers. Load versions
    with `select_related("rule_set")`.
    """
    ids = list(dict.fromkeys(customer_ids))
    fitting: dict[Condition, set[int]] = {}
    for condition in {rule.when for version in versions for rule in document_of(version).rules}:
        found = compile_condition(condition, now=now, among=ids)
        fitting[condition] = set(found.order_by().values_list("pk", flat=True))
    excluded = _exclusions(versions)
    return {
        one: _decision(versions, lambda condition, one=one: one in fitting[condition], excluded)  # type: ignore[misc]
        for one in ids
    }


def decide_in_memory(
    versions: Sequence[RuleSetVersion], customer_ids: Sequence[int], *, now: datetime
) -> dict[int, Decision]:
    """Return the same as `decide`, judged profile by profile: for few customers and many rules.

    At most 9 queries, however many rules there are.
    """
    wanted = Needs()
    for version in versions:
        for rule in document_of(version).rules:
            wanted |= needs(rule.when)
    profiles = load_profiles(list(customer_ids), wanted, now=now)
    excluded = _exclusions(versions)

    def judge(one: int) -> Callable[[Condition], bool]:
        profile = profiles.get(one)
        return lambda condition: profile is not None and matches(condition, profile, now=now)

    return {one: _decision(versions, judge(one), excluded) for one in customer_ids}


def fallback_decision(version: RuleSetVersion) -> Decision:
    """Return what the version does for somebody of whom nothing is known."""
    return _decision([version], lambda condition: False, _exclusions([version]))


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
        document = document_of(version)
        decision.version_ids.append(version.pk)
        for rule in document.rules:
            if holds(rule.when):
                decision.fired.append(f"{version.rule_set.key}: {rule.name}")
                _apply(decision, rule.then, slot=version.rule_set.slot, excluded=excluded)
        _apply(decision, document.otherwise, slot=version.rule_set.slot, excluded=excluded)
    return decision


def _apply(decision: Decision, actions: Actions, *, slot: str, excluded: Excluded) -> None:
    if actions.show is not None:
        decision.show.setdefault(slot, actions.show)
    if actions.recommend is not None:
        decision.recommend.setdefault(slot, actions.recommend)
    for name, value in actions.settings:
        decision.variables.setdefault(name, value)
    decision.exclude |= excluded(actions)
    decision.suppress |= actions.suppress


def _exclusions(versions: Iterable[RuleSetVersion]) -> Excluded:
    """Look up the products below excluded categories, in one query if any is named."""
    documents = [document_of(version) for version in versions]
    actions = [each for one in documents for each in (*(rule.then for rule in one.rules), one.otherwise)]
    paths = {path for each in actions for path in each.exclude_categories}
    products = _products_below(paths) if paths else {}
    return lambda each: frozenset(each.exclude_products).union(
        *(products[path] for path in each.exclude_categories)
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
