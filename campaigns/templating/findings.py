"""What compiling a template has to say about it."""

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
Part = Literal["subject", "preheader", "mjml", "text"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark; errors block publishing. `line` counts from 1 in the part's source, None means the whole part."""

    severity: Severity
    message: str
    part: Part = "mjml"
    line: int | None = None

    def as_json(self) -> dict[str, str | int | None]:
        """Give the finding as plain data, for the version's `findings` column."""
        return asdict(self)


def line_at(source: str, offset: int) -> int:
    """Count the line (from 1) on which the character at `offset` stands."""
    return source.count("\n", 0, offset) + 1
