"""A rule set's document: ordered rules, each a condition and what follows from it, and what else to do.

    rules:
      - name: camper
        when: {fact: last_purchase_category, value: camping}
        then: {show: hero-camping, set: {headline: Back to the woods}}
    otherwise: {show: hero-default}

Every rule whose condition holds fires. Where several say what to show or recommend, or set the same variable,
the first in order wins; `otherwise` fills what is still open. Exclusions add up, and one `suppress` is enough.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from segments.conditions import Condition, ConditionError, parse
from segments.conditions.values import join, mapping, number, one_of, only, text, texts, whole

MOST_RULES = 50
LONGEST_NAME = 100
# What recommendations.strategies can do; a test holds them together.
STRATEGIES = (
    "for_you",
    "discover",
    "again",
    "goes_with_bought",
    "goes_with_viewed",
    "recently_viewed",
    "trending",
    "new_in_category",
    "popular_in_category",
    "upsell",
    "bestsellers",
)
# The template's own words: a variable of the same name would replace them.
RESERVED = (
    "customer",
    "nearest_store",
    "promotion",
    "recommendations",
    "slots",
    "sender",
    "campaign",
    "unsubscribe_url",
    "now",
    "today",
)

Setting = str | int | float | bool


class DocumentError(ValueError):
    """A document that cannot be used; the message begins with the place."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Which products to fill in: a strategy, perhaps within categories or prices (minor units of the product's own
    currency), perhaps no more than so many of a category, perhaps named products first."""

    strategy: str
    categories: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    price_from: int | None = None
    price_to: int | None = None
    most_per_category: int | None = None


@dataclass(frozen=True, slots=True)
class Actions:
    """What follows. Products are named by their external ids, categories by their paths."""

    show: str | None = None
    recommend: Recommendation | None = None
    settings: tuple[tuple[str, Setting], ...] = ()
    exclude_products: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()
    suppress: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition, and what follows if it holds."""

    name: str
    when: Condition
    then: Actions


@dataclass(frozen=True, slots=True)
class Document:
    """The rules in order, and the fallback."""

    rules: tuple[Rule, ...]
    otherwise: Actions


def parse_document(raw: object) -> Document:
    """Return the checked document. Raises DocumentError, such as `rules[2].when.all[0].event: there is no …`."""
    try:
        document = mapping(raw, "")
        only(document, ("rules", "otherwise"), "")
        if "otherwise" not in document:
            raise ConditionError("otherwise", "is missing: say what happens where no rule fits.")
        rules = document.get("rules")
        if not isinstance(rules, list) or len(rules) > MOST_RULES:
            raise ConditionError("rules", f"expected a list of at most {MOST_RULES} rules.")
        parsed = tuple(_rule(rule, f"rules[{position}]") for position, rule in enumerate(rules))
        _refuse_namesakes(parsed)
        otherwise = _actions(document["otherwise"], "otherwise")
        if otherwise.suppress:
            raise ConditionError("otherwise.suppress", "would send nothing to anybody.")
    except ConditionError as error:
        place = error.path or "document"
        raise DocumentError(f"{place}: {error.reason}") from error
    return Document(parsed, otherwise)


def checksum(document: Any) -> str:
    """Return the SHA-256 of the document in one canonical spelling: the same before and after it was stored."""
    spelling = json.dumps(_as_stored(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(spelling.encode()).hexdigest()


def _as_stored(raw: Any) -> Any:
    """PostgreSQL knows no negative zero."""
    if isinstance(raw, dict):
        return {key: _as_stored(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_as_stored(item) for item in raw]
    return raw + 0.0 if isinstance(raw, float) else raw


def _refuse_namesakes(rules: tuple[Rule, ...]) -> None:
    names: set[str] = set()
    for position, rule in enumerate(rules):
        if rule.name in names:
            raise ConditionError(f"rules[{position}].name", f"another rule is called “{rule.name}”.")
        names.add(rule.name)


def _rule(raw: object, path: str) -> Rule:
    rule = mapping(raw, path)
    only(rule, ("name", "when", "then"), path)
    for key in ("name", "when", "then"):
        if key not in rule:
            raise ConditionError(f"{path}.{key}", "is missing.")
    name = text(rule["name"], f"{path}.name")
    if len(name) > LONGEST_NAME:
        raise ConditionError(f"{path}.name", f"has more than {LONGEST_NAME} characters.")
    when = parse(rule["when"], path=f"{path}.when")
    then = _actions(rule["then"], f"{path}.then")
    if then == Actions():
        raise ConditionError(f"{path}.then", "nothing follows; name an action.")
    return Rule(name, when, then)


def _actions(raw: object, path: str) -> Actions:
    actions = mapping(raw, path)
    only(actions, _ACTIONS, path)
    values: dict[str, Any] = {}
    for action, value in actions.items():
        values |= _ACTIONS[action](value, join(path, action))
    return Actions(**values)


def _show(value: object, path: str) -> dict[str, Any]:
    return {"show": text(value, path)}


def recommendation_of(value: object, path: str) -> Recommendation:
    """Return a recommendation, which may be written as the bare name of a strategy. Raises ConditionError."""
    if isinstance(value, str):
        value = {"strategy": value}
    wanted = mapping(value, path)
    only(wanted, [field.name for field in fields(Recommendation)], path)
    strategies = {strategy: strategy for strategy in STRATEGIES}
    found = Recommendation(
        one_of(strategies, wanted.get("strategy", "for_you"), f"{path}.strategy", "strategy"),
        texts(wanted["categories"], f"{path}.categories") if "categories" in wanted else (),
        texts(wanted["products"], f"{path}.products") if "products" in wanted else (),
        **{
            name: _limit(wanted[name], f"{path}.{name}", least)
            for name, least in _LIMITS.items()
            if name in wanted
        },
    )
    if found.price_from is not None and found.price_to is not None and found.price_from > found.price_to:
        raise ConditionError(f"{path}.price_to", "must not lie below price_from.")
    return found


_LIMITS = {"price_from": 0, "price_to": 0, "most_per_category": 1}


def _limit(value: object, path: str, least: int) -> int:
    limit = whole(value, path)
    if limit < least:
        raise ConditionError(path, f"must be {least} or more.")
    return limit


def _recommend(value: object, path: str) -> dict[str, Any]:
    return {"recommend": recommendation_of(value, path)}


def _set(value: object, path: str) -> dict[str, Any]:
    settings = mapping(value, path)
    for name, setting in settings.items():
        place = f"{path}.{name}"
        if not isinstance(name, str) or not name.isidentifier() or len(name) > LONGEST_NAME:
            raise ConditionError(place, "a variable's name has letters, digits and underscores only.")
        if name in RESERVED:
            raise ConditionError(place, "is the template's own word; choose another name.")
        _check_setting(setting, place)
    return {"settings": tuple(settings.items())}


def _check_setting(setting: object, place: str) -> None:
    if isinstance(setting, bool):
        return
    if isinstance(setting, int | float):
        number(setting, place)
    else:
        text(setting, place)


def _exclude(value: object, path: str) -> dict[str, Any]:
    excluded = mapping(value, path)
    only(excluded, ("products", "categories"), path)
    return {f"exclude_{kind}": texts(names, f"{path}.{kind}") for kind, names in excluded.items()}


def _suppress(value: object, path: str) -> dict[str, Any]:
    if value is not True:
        raise ConditionError(path, "can only be true.")
    return {"suppress": True}


_ACTIONS: dict[str, Callable[[object, str], dict[str, Any]]] = {
    "show": _show,
    "recommend": _recommend,
    "set": _set,
    "exclude": _exclude,
    "suppress": _suppress,
}
