"""What else may keep a message from being sent, asked of the database when it is claimed.

Apps above the post office name their rules in `settings.CLAIM_OBSTACLES`: dotted paths of functions without parameters
that return an `Obstacle` (or None: not now). `condition` is SQL over

- `due`: the message (`id`, `customer_id`, `dispatch_id`, `occasion`, `due_at`),
- `customer`: its row of `customers_customer`,
- `dispatch`: its row of `delivery_dispatch` (`kind`, `priority`, …).

It is asked for each message of a chunk, so it has to be answered by an index. A message that meets it is *skipped* with
the reason; or put off, where `due_again` says until when (SQL, a timestamptz). It sees what other workers have claimed
and committed. Values from people never belong into it.
"""

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a due message is not sent. `condition` and `due_again` are SQL; `reason` is shown to people."""

    reason: str
    condition: str
    due_again: str = ""


def obstacles() -> list[Obstacle]:
    """The obstacles that the settings name, in their order: the first that applies counts."""
    asked = (import_string(path)() for path in settings.CLAIM_OBSTACLES)
    return [one for one in asked if one is not None]


def as_sql(found: list[Obstacle]) -> tuple[str, str]:
    """Two SQL expressions: the number of the first obstacle that applies (from 1), and when it lets go (of `rule`).

    Percent signs are doubled, as the statement that they join has parameters.
    """
    which = " ".join(f"WHEN ({one.condition}) THEN {number}" for number, one in enumerate(found, 1))
    again = " ".join(
        f"WHEN {number} THEN ({one.due_again})" for number, one in enumerate(found, 1) if one.due_again
    )
    return (
        (f"CASE {which} END" if which else "NULL::int").replace("%", "%%"),
        (f"CASE asked.rule {again} END" if again else "NULL::timestamptz").replace("%", "%%"),
    )
