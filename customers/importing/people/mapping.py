"""What the columns of a list mean: a small document that a page edits and a YAML file may hold."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

import msgspec

from customers.identity import ANONYMOUS
from customers.importing.schema import MappingError
from customers.models import CustomerIdentity
from customers.profiles import COLUMNS, DATES

FIELDS = {
    "email": "E-mail address",
    "id": "Customer id",
    "first_name": "First name",
    "last_name": "Last name",
    "birth_date": "Birthday",
    "gender": "Gender",
    "country": "Country",
    "region": "Region",
    "city": "City",
    "timezone": "Time zone",
    "locale": "Language",
    "device": "Device",
    "signed_up_at": "Signed up on",
    "consent": "Agreed to e-mail (yes or no)",
}
PROFILE = [name for name in FIELDS if name in COLUMNS or name in DATES]
RESERVED = (ANONYMOUS, CustomerIdentity.EMAIL)
SHORTEST_PROOF = 10
MAX_ATTRIBUTES = 100

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Key = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,60}$")]


class PeopleMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Columns by field and by attribute, and how the list is to be understood.

    `source` names where the people come from; it is the namespace of the ids. `consent` says who agreed: nobody
    said so, everybody in the list, or those whose column says yes; granting needs the proof that is kept with it.
    """

    columns: dict[str, Name]
    version: Literal[1] = 1
    source: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,50}$")] = "list"
    attributes: dict[Key, Name] = {}
    dates: Literal["day_first", "month_first"] = "day_first"
    existing: Literal["update", "leave"] = "update"
    consent: Literal["none", "all", "column"] = "none"
    proof: Annotated[str, msgspec.Meta(max_length=500)] = ""
    reason: Literal["manual", "complaint", "hard_bounce", "unsubscribed"] = "manual"


def read_mapping(document: Any) -> PeopleMapping:
    """Return the document as a mapping. Raises MappingError, which names the place."""
    try:
        return msgspec.convert(document, PeopleMapping)
    except msgspec.ValidationError as error:
        raise MappingError(f"The mapping cannot be used: {error}") from error


def written(mapping: PeopleMapping) -> dict[str, Any]:
    """Return the mapping as a document that JSON can hold."""
    return dict(msgspec.to_builtins(mapping))


def problems(mapping: PeopleMapping, header: Collection[str], *, is_suppression: bool = False) -> list[str]:
    """Say, in sentences, why a file with this header cannot be imported so; nothing means that it can."""
    told = [f"There is no field “{name}”." for name in mapping.columns if name not in FIELDS]
    named = [*mapping.columns.values(), *mapping.attributes.values()]
    told += [f"The file has no column “{name}”." for name in dict.fromkeys(named) if name not in header]
    if is_suppression:
        return told if "email" in mapping.columns else [*told, "Say which column holds the e-mail addresses."]
    if not {"email", "id"} & set(mapping.columns):
        told.append("Say which column holds the e-mail address, or the customer id.")
    if mapping.source in RESERVED:
        told.append(f"“{mapping.source}” names ids of another kind; choose another name for the source.")
    if len(mapping.attributes) > MAX_ATTRIBUTES:
        told.append(f"At most {MAX_ATTRIBUTES} columns can be kept as attributes.")
    return told + _consent_problems(mapping)


def _consent_problems(mapping: PeopleMapping) -> list[str]:
    if mapping.consent == "none":
        return []
    told = []
    if mapping.consent == "column" and "consent" not in mapping.columns:
        told.append("Say which column holds whether somebody agreed.")
    if len(mapping.proof.strip()) < SHORTEST_PROOF:
        told.append("Say how and when these people agreed: without proof no consent is recorded.")
    return told
