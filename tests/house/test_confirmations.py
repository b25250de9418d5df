"""Questions before something ends: "Cancel" beside "Cancel the campaign" could be taken for either."""

import re

from django.conf import settings

ENDING = ("Cancel", "Close", "Discard", "Dismiss", "End", "Go back", "Refuse", "Stop")


def test_who_is_asked_whether_something_ends_is_told_what_no_means() -> None:
    asked = rf'data-confirm-yes="(?:{"|".join(ENDING)})\b[^"]*"(?! data-confirm-no=")'
    templates = settings.BASE_DIR.glob("templates/**/*.html")
    assert [path.name for path in templates if re.search(asked, path.read_text())] == []
