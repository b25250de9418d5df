"""The clock that Python code reads. Tests move it with time-machine; the queue uses the database's clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)
