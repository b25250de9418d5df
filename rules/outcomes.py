"""What one document says once it is known which of its rules fit: pure, the same for SQL, memory and test cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rules.documents import Actions, Document, Recommendation, Setting
from segments.conditions import Condition


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows for one customer; what is excluded in the order in which the rules say it."""

    show: str | None
    recommend: Recommendation | None
    settings: Mapping[str, Setting]
    exclude_products: tuple[str, ...]
    exclude_categories: tuple[str, ...]
    suppress: bool
    fired: tuple[str, ...]


def outcome_of(document: Document, holds: Callable[[Condition], bool]) -> Outcome:
    """Let every rule that holds have its say: the first wins, exclusions add up, `otherwise` fills what is open."""
    fitting = [rule for rule in document.rules if holds(rule.when)]
    said = [*(rule.then for rule in fitting), document.otherwise]
    settings: dict[str, Setting] = {}
    for actions in said:
        settings = dict(actions.settings) | settings
    return Outcome(
        show=next((one.show for one in said if one.show is not None), None),
        recommend=next((one.recommend for one in said if one.recommend is not None), None),
        settings=settings,
        exclude_products=_each(said, lambda one: one.exclude_products),
        exclude_categories=_each(said, lambda one: one.exclude_categories),
        suppress=any(one.suppress for one in said),
        fired=tuple(rule.name for rule in fitting),
    )


def _each(said: list[Actions], names: Callable[[Actions], tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for actions in said for name in names(actions)))
