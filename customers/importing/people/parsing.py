"""One row of a list in the form in which it is stored, or the reason why not: the import's inner loop."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import babel
import msgspec

from common.clock import now
from common.spreadsheets import restored
from customers.addresses import BadAddress, canonical
from customers.importing.people.mapping import PROFILE, PeopleMapping
from customers.importing.values import BadRow
from customers.profiles import COLUMNS

MAX_ATTRIBUTE = 500
_YES = (
    "yes y true t 1 on ja j wahr oui vrai si sí sì x sim tak granted subscribed confirmed agreed"
    " opt-in optin opted-in"
)
_NO = "no n false f 0 off nein falsch non faux nee não nie withdrawn unsubscribed declined opt-out optout opted-out"
_MALE = "m male man mann männlich herr mr mr. homme h hombre uomo monsieur"
_FEMALE = "f w v female woman frau weiblich mrs mrs. ms ms. miss femme mujer donna madame"
ANSWERS = {**dict.fromkeys(_YES.split(), True), **dict.fromkeys(_NO.split(), False)}
_GENDERS = {**dict.fromkeys(_MALE.split(), "male"), **dict.fromkeys(_FEMALE.split(), "female")}
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da")
_OTHER_NAMES = {
    "uk": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "usa": "US",
    "holland": "NL",
    "eire": "IE",
}
_NO_COUNTRIES = {"EU", "EZ", "UN", "XA", "XB", "ZZ"}
_DATE = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:[T ].*)?", re.ASCII)
_NO_DATES = {"0000-00-00", "00.00.0000", "00/00/0000", "0000-00-00 00:00:00"}
_FIRST_YEAR = 1900

Convert = Callable[[str], str | bool | None]


class Parsed(msgspec.Struct, gc=False):
    """A row ready to be stored: `values` in the order of the reader's columns, blanks as None."""

    email: str | None
    external_id: str | None
    values: tuple[str | bool | None, ...]


class RowReader:
    """Reads the rows of one file by its mapping. `columns` names what stands in `Parsed.values`."""

    def __init__(self, mapping: PeopleMapping, header: Sequence[str]) -> None:
        self._width = len(header)
        place = {name: index for index, name in enumerate(header)}
        month_first = mapping.dates == "month_first"
        self._email = place[mapping.columns["email"]] if "email" in mapping.columns else None
        self._id = place[mapping.columns["id"]] if "id" in mapping.columns else None
        self.columns = [name for name in (*PROFILE, "consent") if name in mapping.columns]
        self._plan = [
            (place[mapping.columns[name]], converter(name, month_first=month_first)) for name in self.columns
        ]
        self._attributes = [(key, place[name]) for key, name in mapping.attributes.items()]
        if self._attributes:
            self.columns.append("attributes")

    def read(self, row: list[str]) -> Parsed | str:
        """Return the row as it is stored, or the reason for refusing it."""
        if len(row) != self._width:
            return "wrong_number_of_columns"
        joined = "".join(row)
        if not joined.isascii() and not _is_encodable(joined):
            return "bad_encoding"
        if "\0" in joined:
            return "nul_character"
        try:
            email = _address(row[self._email]) if self._email is not None else None
            id = _external_id(row[self._id]) if self._id is not None else None
            if email is None and id is None:
                return "no_address" if self._id is None else "no_address_and_no_id"
            values = [convert(row[index]) for index, convert in self._plan]
            if self._attributes:
                values.append(self._own(row))
        except BadRow as error:
            return str(error)
        return Parsed(email, id, tuple(values))

    def _own(self, row: list[str]) -> str | None:
        found = {key: value for key, index in self._attributes if (value := _clean(row[index]))}
        if any(len(value) > MAX_ATTRIBUTE for value in found.values()):
            raise BadRow("attribute_too_long")
        return msgspec.json.encode(found).decode() if found else None


def converter(field: str, *, month_first: bool) -> Convert:
    """Return what turns a cell into the stored form of a field; blank becomes None. It raises BadRow."""
    if field == "email":
        return _address
    if field in ("birth_date", "signed_up_at"):
        read = _birth_date if field == "birth_date" else _signed_up_at
        return lru_cache(65536)(lambda written: read(written, month_first))
    if field == "timezone":
        return lru_cache(1000)(_timezone)
    special: dict[str, Convert] = {"consent": _consent, "country": _country, "gender": _gender}
    return special[field] if field in special else _texts(field, COLUMNS[field])


def _clean(written: str) -> str:
    text = written.strip()
    return restored(text) if text[:1] == "'" else text


def _is_encodable(joined: str) -> bool:
    """Whether every byte could be decoded; what could not shows as a lone surrogate."""
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def _address(written: str) -> str | None:
    text = _clean(written)
    if not text:
        return None
    try:
        return canonical(text)
    except BadAddress as error:
        raise BadRow("bad_address") from error


def _external_id(written: str) -> str | None:
    text = _clean(written)
    if len(text) > 200:
        raise BadRow("id_too_long")
    return text or None


def _texts(field: str, most: int) -> Convert:
    def convert(written: str) -> str | None:
        text = _clean(written)
        if len(text) > most:
            raise BadRow(f"{field}_too_long")
        return text or None

    return convert


def _consent(written: str) -> bool | None:
    text = written.strip().lower()
    if not text:
        return None
    if text not in ANSWERS:
        raise BadRow("unclear_consent")
    return ANSWERS[text]


@lru_cache(10_000)
def _gender(written: str) -> str | None:
    text = _clean(written).lower()
    if len(text) > COLUMNS["gender"]:
        raise BadRow("gender_too_long")
    return _GENDERS.get(text, text) or None


@lru_cache(10_000)
def _country(written: str) -> str | None:
    text = _clean(written)
    if not text:
        return None
    found = _countries().get(text.casefold())
    if found is None:
        raise BadRow("unknown_country")
    return found


@cache
def _countries() -> dict[str, str]:
    """Country codes by code and by name, in the languages of most lists."""
    names: dict[str, dict[str, str]] = {
        language: dict(babel.Locale(language).territories) for language in _LANGUAGES
    }
    codes = [code for code in names["en"] if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES]
    named = {
        territories[code].casefold(): code
        for territories in reversed(names.values())
        for code in codes
        if code in territories
    }
    return named | {code.casefold(): code for code in codes} | _OTHER_NAMES


def _timezone(written: str) -> str | None:
    text = _clean(written)
    if not text:
        return None
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadRow("unknown_time_zone") from error
    return text


def _birth_date(written: str, month_first: bool) -> str | None:
    text = written.strip()
    if not text or text in _NO_DATES:
        return None
    found = _date(text, month_first)
    if found is None or found.year < _FIRST_YEAR or found > now().date():
        raise BadRow("bad_birth_date")
    return found.isoformat()


def _signed_up_at(written: str, month_first: bool) -> str | None:
    """A moment; one without a zone is taken as UTC."""
    text = written.strip()
    if not text or text in _NO_DATES:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        day = _date(text, month_first)
        if day is None:
            raise BadRow("bad_signed_up_at") from None
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at.year <= _FIRST_YEAR or at > now():
        raise BadRow("bad_signed_up_at")
    return at.isoformat()


def _date(text: str, month_first: bool) -> date | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    first, second, third = found.groups()
    try:
        if len(first) == 4:
            return date(int(first), int(second), int(third))
        day, month = (int(second), int(first)) if month_first else (int(first), int(second))
        return date(int(third), month, day) if len(third) == 4 else None
    except ValueError:
        return None
