from common.money import exponent, format_money


def test_the_minor_unit_is_that_of_iso_4217() -> None:
    assert [exponent(currency) for currency in ("EUR", "JPY", "XOF", "KWD", "CLF")] == [2, 0, 0, 3, 4]


def test_an_amount_is_written_with_the_places_of_its_currency() -> None:
    assert format_money(-123_450, "GBP") == "-£1,234.50"
    assert format_money(1_234_567, "KWD") == "1,234.567 KWD"
    assert format_money(90_000, "JPY") == "90,000 JPY"
