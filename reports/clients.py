"""With which program a mail was read, told by the user agent of whoever opened or clicked it."""

CLIENTS = (
    ("Gmail", "GoogleImageProxy"),
    ("Yahoo Mail", "YahooMailProxy"),
    ("Outlook", "Microsoft Outlook|MSOffice|ms-office|Outlook-iOS|Outlook-Android"),
    ("Thunderbird", "Thunderbird"),
    ("iPhone or iPad", "iPhone|iPad"),
    ("Android", "Android"),
    ("Browser on a Mac", "Macintosh"),
    ("Browser on Windows", "Windows NT"),
    ("Browser on Linux", "X11|Linux"),
)
"""The first whose pattern is found (POSIX, small and capital letters alike) names the program."""
OTHER = "Other"
UNNAMED = "Not told"


def client_sql(agent: str, *, known: str) -> str:
    """Return a mail program's name as SQL over trusted expressions.

    It is empty where nobody read the mail (`agent` is NULL), and what was `known` before where the agent was emptied.
    """
    cases = "".join(f" WHEN {agent} ~* '{pattern}' THEN '{name}'" for name, pattern in CLIENTS)
    return (
        f"CASE WHEN {agent} IS NULL THEN ''"
        f" WHEN {agent} = '' THEN coalesce(nullif({known}, ''), '{UNNAMED}'){cases} ELSE '{OTHER}' END"
    )
