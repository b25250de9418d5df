"""Rules in words, and two documents side by side: by rules, by words, by lines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher, unified_diff
from enum import StrEnum
from typing import Any

from rules.documents import Actions, Document, Recommendation, Rule
from rules.files import dump_text
from segments.conditions import describe, fold


class Kind(StrEnum):
    """What happened to a rule between two documents."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a sentence: kept (" "), only in the older (-) or only in the newer document (+)."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that is not the same in both documents: which parts of it, and its sentence word by word."""

    name: str
    kind: Kind
    parts: tuple[str, ...]
    words: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the YAML of both documents; `mark` is "+", "-", "@" or a space."""

    mark: str
    text: str


def describe_recommendation(one: Recommendation) -> str:
    """Return which products are filled in: "“for_you” from camping for 1,000 to 5,000 minor units, 4711 first"."""
    within = f" from {', '.join(one.categories)}" if one.categories else ""
    within += _describe_price(one)
    if one.most_per_category is not None:
        within += f", at most {one.most_per_category} of a category"
    first = f", {', '.join(one.products)} first" if one.products else ""
    return f"“{one.strategy}”{within}{first}"


def _describe_price(one: Recommendation) -> str:
    low, high = one.price_from, one.price_to
    if low is not None and high is not None:
        return f" for {low:,} to {high:,} minor units"
    if low is not None:
        return f" for {low:,} minor units or more"
    return "" if high is None else f" for {high:,} minor units at most"


def describe_actions(actions: Actions) -> str:
    """Return what follows, as half a sentence: "show hero-camping and leave out shoes"."""
    parts = []
    if actions.suppress:
        parts.append("send nothing")
    if actions.show is not None:
        parts.append(f"show “{actions.show}”")
    if actions.recommend is not None:
        parts.append(f"recommend by {describe_recommendation(actions.recommend)}")
    parts.extend(f"set {name} to “{value}”" for name, value in actions.settings)
    if excluded := (*actions.exclude_products, *actions.exclude_categories):
        parts.append(f"leave out {', '.join(excluded)}")
    return " and ".join(parts) or "do nothing"


def values_of(actions: Actions) -> dict[str, str]:
    """Return each part of what follows ("show", "set headline", "send" …) with what is said of it, as JSON."""
    values: dict[str, Any] = {f"set {name}": value for name, value in actions.settings}
    if actions.show is not None:
        values["show"] = actions.show
    if actions.recommend is not None:
        said = asdict(actions.recommend)
        values["recommend"] = {name: value for name, value in said.items() if value is not None}
    values |= {f"leave out product {name}": True for name in actions.exclude_products}
    values |= {f"leave out category {fold(path)}": True for path in actions.exclude_categories}
    values |= {"send": "nothing"} if actions.suppress else {}
    return {part: json.dumps(value, ensure_ascii=False) for part, value in values.items()}


def value_in_words(part: str, spelled: str) -> str:
    """Return for people what `values_of` says of a part; different values may have the same words."""
    value = json.loads(spelled)
    if part == "recommend":
        return describe_recommendation(Recommendation(**value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def describe_rule(rule: Rule, *, currency: str | None = None) -> str:
    """Return the rule as a sentence."""
    condition = describe(rule.when, currency=currency)
    return f"If the customer {condition[0].lower()}{condition[1:]}: {describe_actions(rule.then)}."


def compare(before: Document, after: Document, *, currency: str | None = None) -> list[Difference]:
    """Return the rules that differ, in the order of the new document, those removed last."""
    return list(_differences(before, after, currency))


def _differences(before: Document, after: Document, currency: str | None) -> Iterator[Difference]:
    old = {rule.name: rule for rule in before.rules}
    new = {rule.name: rule for rule in after.rules}
    moved = _moved([name for name in old if name in new], [name for name in new if name in old])
    for name, rule in new.items():
        text = describe_rule(rule, currency=currency)
        if name not in old:
            yield Difference(name, Kind.ADDED, (), (Piece("+", text),))
            continue
        parts = tuple(_changed_parts(old[name], rule))
        place = (moved[name],) if name in moved else ()
        if parts or place:
            words = word_diff(describe_rule(old[name], currency=currency), text)
            yield Difference(name, Kind.CHANGED if parts else Kind.MOVED, (*parts, *place), words)
    for name, rule in old.items():
        if name not in new:
            text = describe_rule(rule, currency=currency)
            yield Difference(name, Kind.REMOVED, (), (Piece("-", text),))
    if parts := tuple(_changed_actions(before.otherwise, after.otherwise)):
        words = word_diff(f"{describe_actions(before.otherwise)}.", f"{describe_actions(after.otherwise)}.")
        yield Difference("otherwise", Kind.CHANGED, parts, words)


def _moved(before: Sequence[str], after: Sequence[str]) -> Mapping[str, str]:
    """Say of the fewest rules that they moved: "place 3 → 1", counted among those that both documents have."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in after[block.b : block.b + block.size]}
    return {
        name: f"place {before.index(name) + 1} → {place}"
        for place, name in enumerate(after, start=1)
        if name not in kept
    }


def _changed_parts(before: Rule, after: Rule) -> Iterator[str]:
    if before.when != after.when:
        yield "when"
    yield from _changed_actions(before.then, after.then)


def _changed_actions(before: Actions, after: Actions) -> Iterator[str]:
    for part in ("show", "recommend"):
        if getattr(before, part) != getattr(after, part):
            yield part
    old, new = values_of(before), values_of(after)
    settings = sorted(part for part in old | new if part.startswith("set "))
    yield from (part for part in settings if old.get(part) != new.get(part))
    if set(before.exclude_products) != set(after.exclude_products) or set(before.exclude_categories) != set(
        after.exclude_categories
    ):
        yield "exclude"
    if before.suppress != after.suppress:
        yield "suppress"


def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """Return both sentences as one, word by word: what went is marked -, what came is marked +."""
    old, new = before.split(), after.split()
    pieces: list[Piece] = []
    for _, low, high, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[low:high] == new[start:end]:
            pieces.append(Piece(" ", " ".join(new[start:end])))
            continue
        gone, come = " ".join(old[low:high]), " ".join(new[start:end])
        pieces.extend(Piece(mark, text) for mark, text in (("-", gone), ("+", come)) if text)
    return tuple(pieces)


def text_diff(before: Any, after: Any) -> list[DiffLine]:
    """Return the changed lines of two raw documents as YAML, each with three lines around."""
    lines = unified_diff(dump_text(before).splitlines(), dump_text(after).splitlines(), lineterm="")
    return [DiffLine(line[0], line[1:]) for line in lines if not line.startswith(("---", "+++"))]
