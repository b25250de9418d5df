"""What trackers know about people: traits become profile columns and attributes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from customers.addresses import BadAddress, canonical
from customers.profiles import COLUMNS, LONGEST_ATTRIBUTE_NAME, is_time_zone
from customers.tracking.refusals import BadItem

MOST_ATTRIBUTES = 200
LONGEST_TEXT = 2000
_COLUMN_OF = {
    "firstName": "first_name",
    "first_name": "first_name",
    "lastName": "last_name",
    "last_name": "last_name",
    "gender": "gender",
    "timezone": "timezone",
    "locale": "locale",
    "country": "country",
    "region": "region",
    "state": "region",
    "city": "city",
}
_SPECIAL = frozenset(("email", "name", "birthday", "createdAt", "created_at", "address"))


def email_of(traits: Mapping[str, Any]) -> str:
    """Return the address in its canonical form, or an empty text. Raises BadItem."""
    said = traits.get("email")
    if said is None or said == "":
        return ""
    if not isinstance(said, str):
        raise BadItem("traits.email", "wrong_type")
    try:
        return canonical(said)
    except BadAddress as error:
        raise BadItem("traits.email", "bad_email", str(error)) from error


def profile_of(traits: Mapping[str, Any], *, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a profile: Customer's columns, and everything else as `attributes`. Raises BadItem.

    The context's time zone and language count where the traits name none; nonsense in there is passed over.
    """
    profile = _from_context(context or {})
    attributes: dict[str, Any] = {}
    for name, value in traits.items():
        if value is None or value == "" or name in _SPECIAL:
            continue
        if name in _COLUMN_OF:
            profile[_COLUMN_OF[name]] = _column(f"traits.{name}", _COLUMN_OF[name], value)
        else:
            _flatten(name, value, f"traits.{name}", attributes)
    _address(traits.get("address"), profile, attributes)
    _name(traits.get("name"), profile)
    _dates(traits, profile)
    if attributes:
        _check_size(attributes)
        profile["attributes"] = attributes
    return profile


def group_attributes(group_id: str, traits: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's traits as attributes of its member: `group_id` and `group_<trait>`. Raises BadItem."""
    attributes: dict[str, Any] = {"group_id": group_id}
    for name, value in traits.items():
        if value is not None and value != "":
            _flatten(f"group_{name}", value, f"traits.{name}", attributes)
    _check_size(attributes)
    return attributes


def _column(place: str, column: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadItem(place, "wrong_type")
    value = value.strip()
    if column == "country":
        return _country(place, value)
    if len(value) > COLUMNS[column]:
        raise BadItem(place, "too_long")
    if column == "timezone" and value and not is_time_zone(value):
        raise BadItem(place, "bad_timezone")
    return value


def _country(place: str, value: str) -> str:
    if len(value) != 2 or not value.isascii() or not value.isalpha():
        raise BadItem(place, "bad_country")
    return value.upper()


def _address(address: Any, profile: dict[str, Any], attributes: dict[str, Any]) -> None:
    if address is None or address == "":
        return
    if not isinstance(address, dict):
        raise BadItem("traits.address", "wrong_type")
    for name, value in address.items():
        if value is None or value == "":
            continue
        if name in ("country", "region", "state", "city"):
            profile[_COLUMN_OF[name]] = _column(f"traits.address.{name}", _COLUMN_OF[name], value)
        else:
            _flatten(f"address.{name}", value, f"traits.address.{name}", attributes)


def _name(name: Any, profile: dict[str, Any]) -> None:
    """A full name is cut at its first blank, where the parts are not named by themselves."""
    if name is None or name == "":
        return
    first, _, last = _column("traits.name", "first_name", name).partition(" ")
    profile.setdefault("first_name", first)
    profile.setdefault("last_name", last.strip())


def _dates(traits: Mapping[str, Any], profile: dict[str, Any]) -> None:
    born = traits.get("birthday")
    if born is not None and born != "":
        profile["birth_date"] = _date(born)
    for name in ("createdAt", "created_at"):
        if traits.get(name) not in (None, ""):
            profile["signed_up_at"] = _moment(f"traits.{name}", traits[name])


def _date(said: Any) -> date:
    try:
        born = date.fromisoformat(said[:10])
        if born.year < 1850:
            raise ValueError
    except (TypeError, ValueError) as error:
        raise BadItem("traits.birthday", "bad_birth_date") from error
    return born


def _moment(place: str, said: Any) -> datetime:
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            return datetime.fromtimestamp(said if said < 1e11 else said / 1000, UTC)
        at = datetime.fromisoformat(said)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise BadItem(place, "bad_signed_up_at") from error


def _from_context(context: Mapping[str, Any]) -> dict[str, Any]:
    zone, locale = context.get("timezone"), context.get("locale")
    profile = {}
    if isinstance(zone, str) and is_time_zone(zone):
        profile["timezone"] = zone
    if isinstance(locale, str) and 0 < len(locale) <= COLUMNS["locale"]:
        profile["locale"] = locale
    return profile


def _flatten(name: str, value: Any, place: str, attributes: dict[str, Any]) -> None:
    """Nested objects become `outer.inner`; lists are kept where they hold plain values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is not None and inner != "":
                _flatten(f"{name}.{key}", inner, f"{place}.{key}", attributes)
        return
    if len(name) > LONGEST_ATTRIBUTE_NAME:
        raise BadItem(place[:200], "too_long", "The trait's name is longer than 100 characters.")
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        raise BadItem(place, "wrong_type", "A list may hold texts and numbers only.")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise BadItem(place, "too_long")
    attributes[name] = value


def _check_size(attributes: dict[str, Any]) -> None:
    if len(attributes) > MOST_ATTRIBUTES:
        raise BadItem("traits", "too_many", f"One call may set {MOST_ATTRIBUTES} attributes.")
