"""What a mail can do without: when it fails, the stored default takes its place and is counted."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, transaction
from psycopg.errors import QueryCanceled

from common.clock import now
from rules.deciding import Decision, decide, document_of, fallback_decision
from rules.models import RuleSetVersion

logger = logging.getLogger(__name__)


class DependencyFailed(Exception):
    """Something that a mail can do without has failed; the cause is chained."""


@contextmanager
def dependency(name: str) -> Iterator[None]:
    """Turn any failure inside into DependencyFailed, whoever's fault it is: the code inside belongs to others.

    What it asked the database is undone to a savepoint, so that the transaction around it can go on. An outage of the
    database is no such failure: it is raised as it is, for whoever tries the whole again later.
    """
    try:
        with transaction.atomic():
            yield
    except Exception as error:
        if _is_outage(error):
            raise
        logger.exception("%s failed; the fallback takes its place", name)
        raise DependencyFailed(name) from error


def decide_or_fall_back(
    versions: Sequence[RuleSetVersion], customer_ids: Sequence[int]
) -> tuple[dict[int, Decision], bool]:
    """Return what rules say now about each customer, and whether that is only what they say of somebody unknown.

    Rules that forbid something (a mail, a product) cannot be guessed: where they fail, DependencyFailed is raised.
    """
    try:
        with dependency("rules"):
            return decide(versions, customer_ids, now=now()), False
    except DependencyFailed:
        if any(_forbids(version) for version in versions):
            raise
    return dict.fromkeys(customer_ids, fallback_decision(*versions)), True


def _forbids(version: RuleSetVersion) -> bool:
    actions = [rule.then for rule in document_of(version).rules]
    return any(one.suppress or one.exclude_products or one.exclude_categories for one in actions)


def _is_outage(error: Exception) -> bool:
    """Whether the database is away or overtaxed; a query that was cancelled because it took too long is not that."""
    is_about_the_server = isinstance(error, OperationalError | InterfaceError)
    return is_about_the_server and not isinstance(error.__cause__, QueryCanceled)
