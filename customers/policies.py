"""What each table holds about people: what of it they get a copy of, and what is left when they are erased.

Each app declares its tables in a module `personal_data` with a list `POLICIES`; `settings.PERSONAL_DATA` names the
modules, upper apps first. A house test holds them against every model and column there is.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from importlib import import_module
from operator import or_
from typing import Any

import idna
from django.apps import apps
from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db.models import Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

LEAST_SEARCHED = 6
"""A shorter id, or one without a letter, is not searched for in free text and files: it is found in dates and sums."""


class OnErasure(Enum):
    """What becomes of a person's rows."""

    DELETED = "deleted"
    EMPTIED = "emptied"
    KEPT = "kept"
    NOT_PERSONAL = "not personal"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A person with every name that they are found by."""

    customer_ids: list[int]
    public_ids: list[str]
    emails: list[str]
    identities: list[tuple[str, str]]
    orders: list[tuple[str, str]] = field(default_factory=list)
    """Orders and refunds as (source, its number)."""

    @property
    def words(self) -> list[str]:
        """What free text and files are searched for: addresses in both spellings of their domain, and telling ids."""
        ids = (value for _, value in self.identities if _tells(value))
        return sorted({*self.emails, *map(_as_written, self.emails), *self.public_ids, *ids})

    @property
    def pattern(self) -> str:
        """A regular expression, for PostgreSQL and Python, that finds any of the words as a whole."""
        return self.pattern_of(self.words)

    @property
    def key_pattern(self) -> str:
        """The same for names of rows, in which short ids and numbers of orders may stand too."""
        ids = (value for _, value in [*self.identities, *self.orders])
        return self.pattern_of(sorted({*self.words, *ids}))

    @staticmethod
    def pattern_of(words: Iterable[str]) -> str:
        """A regular expression that finds any of these as a whole, and nothing where there are none."""
        either = "|".join(re.escape(word) for word in words)
        return rf"(^|[^\w])({either})($|[^\w])" if either else "$^."


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One table. `path` leads to the customer's id; `rows` finds them where no path does.

    `empties` are the new values of columns that are emptied, `keeps` the columns that stay as they are. `searched`
    are columns of free text that may name anybody, and `finds` gives the keys of further rows that do; both may read
    the whole table. Rows found so are treated like the person's own. `hides` are columns that no copy shows.
    `is_profile`: what was concluded about a person, deleted when they object to profiling (by `path`).
    """

    model: str
    why: str
    on_erasure: OnErasure
    path: str = ""
    rows: Callable[[Subject], Q] | None = None
    empties: Mapping[str, Any] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    searched: tuple[str, ...] = ()
    finds: Callable[[Subject], Collection[int]] | None = None
    is_exported: bool = True
    hides: frozenset[str] = frozenset()
    is_profile: bool = False

    @property
    def table(self) -> type[Model]:
        """The model."""
        return apps.get_model(self.model)

    def of(self, subject: Subject) -> QuerySet[Any]:
        """The rows of the table that are about this person, sought with patience."""
        return self.rows_of(subject, found=self.search(subject))

    @property
    def is_searched(self) -> bool:
        """Whether finding all rows may mean reading the whole table."""
        return bool(self.searched or self.finds)

    def rows_of(self, subject: Subject, *, found: Collection[Any] = ()) -> QuerySet[Any]:
        """The rows that keys lead to, and those that a search has found."""
        conditions = [Q(pk__in=sorted(found))] if found else []
        if self.path:
            conditions.append(Q(**{f"{self.path}__in": subject.customer_ids}))
        if self.rows is not None:
            conditions.append(self.rows(subject))
        rows = self.table._base_manager.all()
        return rows.filter(reduce(or_, conditions)) if conditions else rows.none()

    def search(self, subject: Subject) -> set[Any]:
        """The keys of rows that name the person somewhere in their text."""
        found = set(self.finds(subject)) if self.finds is not None else set()
        if subject.words and self.searched:
            texts = {f"text_of_{column}": Cast(column, TextField()) for column in self.searched}
            named = reduce(or_, (Q(**{f"{name}__iregex": subject.pattern}) for name in texts))
            found.update(
                self.table._base_manager.annotate(**texts).filter(named).values_list("pk", flat=True)
            )
        return found


def _tells(id: str) -> bool:
    return len(id) >= LEAST_SEARCHED and any(map(str.isalpha, id))


def _as_written(email: str) -> str:
    """The address with its domain in Unicode, as people write it."""
    local, _, domain = email.rpartition("@")
    try:
        return f"{local}@{idna.decode(domain)}"
    except idna.IDNAError:
        return email


def policies() -> Iterator[Policy]:
    """All tables of all apps, in the order in which they are erased: upper apps first."""
    for name in settings.PERSONAL_DATA:
        yield from import_module(name).POLICIES


def erased_name() -> Concat:
    """A new name for a row that its source knew by an id: unique, and nobody's."""
    return Concat(Value("erased-"), Cast(RandomUUID(), TextField()))


def columns(names: str) -> frozenset[str]:
    """Names in a row: `columns("id name")`."""
    return frozenset(names.split())


def not_personal(*models: str, why: str) -> list[Policy]:
    """Tables that hold nothing about customers."""
    return [Policy(model=model, why=why, on_erasure=OnErasure.NOT_PERSONAL) for model in models]
