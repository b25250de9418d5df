"""Money is an integer count of minor units and an ISO 4217 currency."""

# ISO 4217 (list one), the currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}


def exponent(currency: str) -> int:
    """Return how many decimal places the currency's minor unit stands for (2 for EUR, 0 for JPY, 3 for KWD)."""
    return _EXPONENTS.get(currency, 2)


def exponent_sql(currency: str) -> str:
    """Return the same as SQL over a trusted expression."""
    cases = "".join(f" WHEN '{name}' THEN {places}" for name, places in sorted(_EXPONENTS.items()))
    return f"CASE {currency}{cases} ELSE 2 END"


def format_money(amount_minor: int | float, currency: str, *, more_places: int = 0) -> str:
    """Write an amount for people: `format_money(-123450, "GBP")` is `-£1,234.50`.

    `more_places` shows fractions of the minor unit, as averages have them.
    """
    scale = exponent(currency)
    places = scale + more_places
    amount = abs(amount_minor) / 10**scale
    sign = "-" if round(amount, places) and amount_minor < 0 else ""
    symbol = _SYMBOLS.get(currency)
    number = f"{amount:,.{places}f}"
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency}"
