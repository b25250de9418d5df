"""What the columns of an experiment's file probably are, by their names and by what stands in them."""

import re
from collections.abc import Sequence

from experiments.importing.counting import Profile

RATE, MONEY, NUMBER, BEFORE = "rate", "money", "number", "before"
_ARM = re.compile(r"variant|variation|group|gruppe|arm$|^arm|segment|treatment|cell|bucket|test", re.I)
_CONTROL = re.compile(r"control|kontroll|hold.?out|no.?(e.?)?mail|baseline|none|^(a|0|false|no)$", re.I)
_NO_MAIL = re.compile(r"no.?(e.?)?mail|hold.?out|not.?mailed|kein", re.I)
_DID = re.compile(r"visit|click|conver|order|bought|buy|purchas|open|respon|kauf|klick|unsub", re.I)
_SPENT = re.compile(r"spen[dt]|revenue|amount|sales|turnover|umsatz|value|gmv", re.I)
_BEFORE = re.compile(r"histor|before|previous|prior|past|^pre|baseline|vorher", re.I)


def control_choices(
    header: Sequence[str], profiles: Sequence[Profile]
) -> list[tuple[str, list[tuple[int, str]]]]:
    """The columns that can name arms, likely ones first, each with (its place, a value) for all its values."""
    able = [place for place, one in enumerate(profiles) if len(one.values) > 1]
    able.sort(key=lambda place: (-_likeness(header[place], profiles[place]), place))
    return [(header[place], [(place, value) for value in profiles[place].values]) for place in able]


def likely_control(choices: Sequence[tuple[str, list[tuple[int, str]]]]) -> tuple[int, str] | None:
    """The value that most looks like a control, in the likeliest column; None where no column can name arms."""
    if not choices:
        return None
    values = choices[0][1]
    return next((one for one in values if _CONTROL.search(one[1])), values[0])


def _likeness(column: str, profile: Profile) -> int:
    """How much a column looks as if it named arms: by its name, by a value that reads like a control, by being text."""
    has_control = any(_CONTROL.search(value) for value in profile.values)
    return 2 * bool(_ARM.search(column)) + 2 * has_control + (not profile.is_numeric)


def gets_no_mail(control: str) -> bool:
    """Whether a control's name says that it got no mail."""
    return bool(_NO_MAIL.search(control))


def likely_meaning(column: str, profile: Profile) -> str:
    """What a column probably is: RATE, MONEY, BEFORE, or nothing that matters."""
    if profile.is_numeric and not profile.is_binary and _BEFORE.search(column):
        return BEFORE
    if profile.is_binary and _DID.search(column):
        return RATE
    return MONEY if profile.is_numeric and not profile.is_binary and _SPENT.search(column) else ""
