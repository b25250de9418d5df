"""What is odd about a document, proved by logic or looked up: rules that never fit or never say anything new, variables
set twice, and names of things that do not exist. Findings are advice; they stop nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from django.conf import settings
from django.utils.module_loading import import_string

from products.models import Category, Product
from rules.documents import Actions, Document, Rule
from rules.logic import implies, never_fits
from rules.models import RuleSet
from rules.wording import values_of
from segments.conditions import AllOf, describe, fold

NO_ACTIONS = Actions()


class Weight(StrEnum):
    """How much a finding matters: a rule that has no effect, or something worth knowing."""

    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is odd. `place` is where in the document."""

    weight: Weight
    place: str
    sentence: str


def findings(document: Document, rule_set: RuleSet) -> list[Finding]:
    """Return what is odd about the document as the rules of this rule set; five queries at most."""
    return [*conflicts(document), *_shared_variables(document, rule_set), *_unknown_names(document, rule_set)]


def conflicts(document: Document) -> list[Finding]:
    """Return what the document itself proves: no false claims, though some true ones may be missed."""
    found: list[Finding] = []
    fitting: list[tuple[int, Rule]] = []
    for position, rule in enumerate(document.rules):
        if never_fits(rule.when):
            sentence = f"Rule {position + 1} “{rule.name}” never fits anybody{_because(rule)}."
            found.append(Finding(Weight.WARNING, f"rules[{position}].when", sentence))
            continue
        found.extend(_shadows(position, rule, fitting))
        fitting.append((position, rule))
    found.extend(_idle_otherwise(document, fitting))
    return found


def _because(rule: Rule) -> str:
    """Name the two parts that exclude each other, where two do."""
    if isinstance(rule.when, AllOf):
        for one, other in combinations(rule.when.parts, 2):
            if never_fits(AllOf((one, other))):
                return f": “{describe(one)}” and “{describe(other)}” exclude each other"
    return ": its conditions exclude each other"


def _shadows(position: int, rule: Rule, above: Sequence[tuple[int, Rule]]) -> Iterator[Finding]:
    """What of a rule is never used, because rules above it fit whenever it does and say the same kind of thing."""
    said = sorted(values_of(rule.then))
    covered: dict[str, list[tuple[int, Rule]]] = {}
    for part in said:
        rivals = [(number, other) for number, other in above if part in values_of(other.then)]
        if by := _covering(rule, rivals):
            covered[part] = by
    place = f"rules[{position}].then"
    if covered and len(covered) == len(said):
        names = _names(sorted({number for rivals in covered.values() for number, _ in rivals}), above)
        yield Finding(
            Weight.WARNING,
            place,
            f"Rule {position + 1} “{rule.name}” can never say anything after {names}: "
            "whoever it fits, they fit too, and they say it first.",
        )
        return
    for part, rivals in covered.items():
        names = _names([number for number, _ in rivals], above)
        yield Finding(
            Weight.WARNING,
            place,
            f"Rule {position + 1} “{rule.name}” never gets to {_verb(part)}: {names} always does so first.",
        )
    silencers = [(number, other) for number, other in above if other.then.suppress]
    if not rule.then.suppress and (by := _covering(rule, silencers)):
        yield Finding(
            Weight.NOTE,
            place,
            f"In mails rule {position + 1} “{rule.name}” changes nothing: "
            f"{_names([number for number, _ in by], above)} lets nothing be sent to those it fits.",
        )


def _covering(rule: Rule, rivals: Sequence[tuple[int, Rule]]) -> list[tuple[int, Rule]]:
    """The rule above that fits whenever this one does, or all of them if only together they do; else none."""
    for rival in rivals:
        if implies(rule.when, [rival[1].when]):
            return [rival]
    if len(rivals) > 1 and implies(rule.when, [other.when for _, other in rivals]):
        return list(rivals)
    return []


def _verb(part: str) -> str:
    whole = {"show": "show anything", "recommend": "recommend anything", "send": "keep the mail back"}
    return whole.get(part, part)


def _names(numbers: Sequence[int], rules: Sequence[tuple[int, Rule]]) -> str:
    named = [f"rule {number + 1} “{rule.name}”" for number, rule in rules if number in numbers]
    return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))


def _idle_otherwise(document: Document, fitting: Sequence[tuple[int, Rule]]) -> Iterator[Finding]:
    """What of `otherwise` is never used, because some rule that says it fits everybody."""
    for part in sorted(values_of(document.otherwise)):
        rivals = [(number, rule) for number, rule in fitting if part in values_of(rule.then)]
        if by := _covering(Rule("", AllOf(()), NO_ACTIONS), rivals):
            names = _names([number for number, _ in by], fitting)
            yield Finding(
                Weight.NOTE,
                "otherwise",
                f"“Otherwise” never gets to {_verb(part)}: {names} covers everybody.",
            )


def _shared_variables(document: Document, rule_set: RuleSet) -> Iterator[Finding]:
    """Variables that rules of another slot set too: whose key comes first in the alphabet wins."""
    mine = {name for actions in _all_actions(document) for name, _ in actions.settings}
    others = RuleSet.objects.exclude(pk=rule_set.pk).exclude(live_version=None).select_related("live_version")
    for other in others.order_by("key") if mine else ():
        raw = other.live_version.document if other.live_version else {}
        theirs = {
            name
            for actions in (*(rule["then"] for rule in raw["rules"]), raw["otherwise"])
            for name in actions.get("set", {})
        }
        for name in sorted(mine & theirs):
            winner = min(rule_set.key, other.key)
            yield Finding(
                Weight.NOTE,
                f"set.{name}",
                f"“{other.name}” sets {name} too; where both say something, “{winner}” wins, as it comes first "
                "in the alphabet.",
            )


def _all_actions(document: Document) -> Iterator[Actions]:
    yield from (rule.then for rule in document.rules)
    yield document.otherwise


def _unknown_names(document: Document, rule_set: RuleSet) -> Iterator[Finding]:
    """Blocks, slots, products and categories that there are none of."""
    if not _known("slots")({rule_set.slot}):
        sentence = (
            f"No template has the slot “{rule_set.slot}” yet; until one does, these rules decide nothing."
        )
        yield Finding(Weight.WARNING, "slot", sentence)
    actions = list(_all_actions(document))
    recommended = [one.recommend for one in actions if one.recommend is not None]
    wanted: list[tuple[str, Callable[[set[str]], set[str]], set[str]]] = [
        ("blocks", _known("blocks"), {one.show for one in actions if one.show is not None}),
        (
            "categories",
            _known_categories,
            {path for one in actions for path in one.exclude_categories}
            | {path for one in recommended for path in one.categories},
        ),
        (
            "products",
            _known_products,
            {name for one in actions for name in one.exclude_products}
            | {name for one in recommended for name in one.products},
        ),
    ]
    for nouns, known, names in wanted:
        if missing := sorted(names - known(names)) if names else []:
            listed = ", ".join(f"“{name}”" for name in missing)
            yield Finding(Weight.WARNING, nouns, f"There are no {nouns} {listed}.")


def _known(kind: str) -> Callable[[set[str]], set[str]]:
    """The function by which a room above tells which names it knows."""
    return import_string(settings.RULES_ASK[kind])


def _known_categories(paths: set[str]) -> set[str]:
    there = {fold(path) for path in Category.objects.values_list("path", flat=True)}
    return {path for path in paths if fold(path) in there}


def _known_products(names: set[str]) -> set[str]:
    return set(Product.objects.filter(external_id__in=names).values_list("external_id", flat=True))
