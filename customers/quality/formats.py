"""The closed list of formats that a column can be expected to have. Each is a question about one cell."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from customers.addresses import BadAddress, canonical

# ISO 4217, without funds, metals and test codes.
_CURRENCIES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP"
    " CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF"
    " IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD"
    " MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB"
    " RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD"
    " UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(_CURRENCIES.split())
_LONGEST_URL = 2000


@cache
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes, from the time zone database's own table."""
    table = (files("tzdata.zoneinfo") / "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line[:2] for line in table.splitlines() if line and not line.startswith("#"))


def is_email(value: str) -> bool:
    """Whether the grammar of addresses allows it; the same that imports and sending use."""
    try:
        canonical(value)
    except BadAddress:
        return False
    return True


def is_date(value: str) -> bool:
    """Whether it is an ISO date, with or without a time."""
    try:
        date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=65536)
def as_number(value: str) -> float | None:
    """A plain decimal number, or None; no infinity, no thousands separators, nothing but ASCII."""
    if not value.isascii() or "_" in value:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number - number == 0 else None


def is_number(value: str) -> bool:
    """Whether it is a plain decimal number."""
    return as_number(value) is not None


def is_url(value: str) -> bool:
    """Whether it is an absolute http or https address."""
    if len(value) > _LONGEST_URL or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def is_uuid(value: str) -> bool:
    """Whether it is a UUID in its usual form with hyphens."""
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def is_country(value: str) -> bool:
    """Whether it is a two-letter country code in capitals."""
    return value in countries()


def is_currency(value: str) -> bool:
    """Whether it is a three-letter currency code in capitals."""
    return value in CURRENCIES


# Format → (the question, "is not …").
FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "email": (is_email, "an e-mail address"),
    "date": (is_date, "an ISO date"),
    "number": (is_number, "a number"),
    "url": (is_url, "a web address"),
    "country": (is_country, "a country code"),
    "currency": (is_currency, "a currency code"),
    "uuid": (is_uuid, "a UUID"),
}
