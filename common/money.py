"""Money is an integer count of minor units and an ISO 4217 currency."""

_WITHOUT_MINOR_UNIT = {"JPY", "KRW", "VND", "CLP", "ISK"}
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}


def exponent(currency: str) -> int:
    """Return how many decimal places the currency's minor unit stands for (2 for EUR, 0 for JPY)."""
    return 0 if currency in _WITHOUT_MINOR_UNIT else 2


def format_money(amount_minor: int | float, currency: str) -> str:
    """Write an amount for people: `format_money(-123450, "GBP")` is `-£1,234.50`."""
    places = exponent(currency)
    amount = abs(amount_minor) / 10**places
    sign = "-" if round(amount, places) and amount_minor < 0 else ""
    symbol = _SYMBOLS.get(currency)
    number = f"{amount:,.{places}f}"
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency}"
