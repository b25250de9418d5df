"""What a way out has to be told before it can be used, in words from which the form is made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to fill in. A secret is stored encrypted and never shown again.

    `name` is the option's name for the backend; with `choices` (value and label) it is chosen, `default` first.
    """

    name: str
    label: str
    help_text: str = ""
    is_secret: bool = False
    is_required: bool = True
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the provider is, to be typed in: `kind` is "url", or "host" for `mail.example:587`."""

    label: str
    help_text: str
    kind: str = "url"
    is_required: bool = True
