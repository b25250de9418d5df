"""With which program a mail was read is told by whoever fetched it."""

import pytest
from django.db import connection

from reports.clients import client_sql


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("agent", "known", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "",
            "Gmail",
        ),
        ("YahooMailProxy; https://help.yahoo.com/", "", "Yahoo Mail"),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "", "Outlook"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0", "", "Thunderbird"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15", "", "iPhone or iPad"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140", "", "Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "", "Browser on a Mac"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "", "Browser on Windows"),
        ("Lynx", "", "Other"),
        ("", "Gmail", "Gmail"),
        ("", "", "Not told"),
        (None, "Gmail", ""),
    ],
)
def test_a_program_is_named(agent: str | None, known: str, name: str) -> None:
    with connection.cursor() as cursor:
        name_sql = client_sql("told.agent", known="told.known")
        told = "(SELECT %s::text, %s::text) AS told (agent, known)"
        cursor.execute(f"SELECT {name_sql} FROM {told}", [agent, known])
        assert cursor.fetchone() == (name,)
