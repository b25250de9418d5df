"""What the forms have in common in which a next version is written: its base, a free name, findings at their fields."""

from typing import Any, Protocol

from django.db.models import QuerySet
from django.utils.text import slugify

from campaigns.models import BlockVersion, TemplateVersion
from campaigns.publishing import TemplateRefused

LONGEST_KEY = 100


class VersionForm(Protocol):
    """A form in which a version is written. `base` is the number of the version that its writer started from."""

    cleaned_data: dict[str, Any]

    def add_error(self, field: str | None, error: Any) -> None:
        """Refuse what stands in a field, or the whole form."""

    def follow(self, number: int) -> None:
        """Let what was written follow this version when it is sent again."""


def new_key(form: VersionForm, taken: QuerySet[Any], *, what: str) -> str:
    """Return the key that a new thing's name makes; empty, with an error at the name, where that cannot be."""
    key = slugify(form.cleaned_data["name"])[:LONGEST_KEY]
    if key and not taken.filter(key=key).exists():
        return key
    form.add_error("name", f"There is a {what} of this name already, or the name has no letters.")
    return ""


def follows(form: VersionForm, newest: TemplateVersion | BlockVersion | None) -> bool:
    """Whether what was written starts from the newest version; where somebody was faster, the form says so.

    Whoever calls holds a lock on the versions.
    """
    if newest is None or form.cleaned_data["base"] in (None, newest.number):
        return True
    form.follow(newest.number)
    form.add_error(
        None,
        f"{newest.author or 'A program'} saved version {newest.number} while you were writing. Look at it, carry over "
        "what is worth keeping, and save again: then this text follows it.",
    )
    return False


def say_findings(form: VersionForm, refused: TemplateRefused, *, field: str = "") -> None:
    """Say each finding with its line, at the field of its part or at the one `field` that there is."""
    for finding in refused.findings:
        line = f"Line {finding['line']}: " if finding.get("line") else ""
        form.add_error(field or str(finding["part"]), f"{line}{finding['message']}")
