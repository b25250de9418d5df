"""Rules in words, and two versions side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum

from rules.documents import Actions, Document, Rule
from rules.files import dump_text
from rules.models import RuleSetVersion
from segments.conditions import describe


class Kind(StrEnum):
    """What happened to a rule between two versions."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that is not the same in both versions; empty where it does not exist."""

    name: str
    kind: Kind
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the YAML of both versions; `mark` is "+", "-", "@" or a space."""

    mark: str
    text: str


def describe_actions(actions: Actions) -> str:
    """Return what follows, as half a sentence: "show hero-camping and leave out shoes"."""
    parts = []
    if actions.suppress:
        parts.append("send nothing")
    if actions.show is not None:
        parts.append(f"show “{actions.show}”")
    if actions.recommend is not None:
        within = f" from {', '.join(actions.recommend.categories)}" if actions.recommend.categories else ""
        first = f", {', '.join(actions.recommend.products)} first" if actions.recommend.products else ""
        parts.append(f"recommend by “{actions.recommend.strategy}”{within}{first}")
    parts.extend(f"set {name} to “{value}”" for name, value in actions.settings)
    if excluded := (*actions.exclude_products, *actions.exclude_categories):
        parts.append(f"leave out {', '.join(excluded)}")
    return " and ".join(parts) or "do nothing"


def describe_rule(rule: Rule, *, currency: str | None = None) -> str:
    """Return the rule as a sentence."""
    condition = describe(rule.when, currency=currency)
    return f"If the customer {condition[0].lower()}{condition[1:]}: {describe_actions(rule.then)}."


def compare(before: Document, after: Document, *, currency: str | None = None) -> list[Difference]:
    """Return the rules that differ, in the order of the new document, those removed last."""
    old = {rule.name: rule for rule in before.rules}
    new = {rule.name: rule for rule in after.rules}
    return list(_differences(old, new, before.otherwise, after.otherwise, currency))


def _differences(
    old: dict[str, Rule], new: dict[str, Rule], before: Actions, after: Actions, currency: str | None
) -> Iterator[Difference]:
    kept_before = [name for name in old if name in new]
    kept_after = [name for name in new if name in old]
    for name, rule in new.items():
        text = describe_rule(rule, currency=currency)
        if name not in old:
            yield Difference(name, Kind.ADDED, "", text)
        elif old[name] != rule:
            yield Difference(name, Kind.CHANGED, describe_rule(old[name], currency=currency), text)
        elif (was := kept_before.index(name)) != (now := kept_after.index(name)):
            yield Difference(name, Kind.MOVED, f"Place {was + 1}", f"Place {now + 1}")
    for name, rule in old.items():
        if name not in new:
            yield Difference(name, Kind.REMOVED, describe_rule(rule, currency=currency), "")
    if before != after:
        yield Difference(
            "otherwise", Kind.CHANGED, f"{describe_actions(before)}.", f"{describe_actions(after)}."
        )


def text_diff(before: RuleSetVersion, after: RuleSetVersion) -> list[DiffLine]:
    """Return the changed lines of both documents as YAML, each with three lines around."""
    lines = unified_diff(
        dump_text(before.document).splitlines(), dump_text(after.document).splitlines(), lineterm=""
    )
    return [DiffLine(line[0], line[1:]) for line in lines if not line.startswith(("---", "+++"))]
