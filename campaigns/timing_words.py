"""What a campaign's timing means, in sentences."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from campaigns.timing import Kind, Past, Timing, day_words, in_utc, launch_moment

_REPEATS = {
    "daily": "every day",
    "weekly": "every week on the same day",
    "monthly": "every month on the same day",
}
_PAST = {
    Past.NOW: "people where it is past by then get it right away",
    Past.TOMORROW: "people where it is past by then get it the next time it is that late there",
    Past.SKIP: "people where it is past by then are left out, and counted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """How often; `until` is the last day, None for ever."""

    repeats: str
    until: date | None


def sentences(timing: Timing, repetition: Repetition, *, at: datetime) -> list[str]:
    """Say what will happen to a campaign with this timing, as seen `at` a moment."""
    said = [_first(timing, is_series=bool(repetition.repeats))]
    if timing.on is not None and timing.kind != Kind.MOMENT:
        said.append(_freezing(timing, at=at))
    if timing.quiet is not None:
        begin, end = _clock(timing.quiet.begin), _clock(timing.quiet.end)
        said.append(
            f"Nothing is sent between {begin} and {end} where each person lives: what falls in there waits until {end}."
        )
    if repetition.repeats:
        until = f", until {day_words(repetition.until)}" if repetition.until else ", until you stop it"
        said.append(
            f"Then again {_REPEATS[repetition.repeats]}{until}. Each time the audience is counted anew, and each has "
            "its own result."
        )
    return said


def _first(timing: Timing, *, is_series: bool) -> str:
    if timing.on is None:
        return "The mails go out as soon as somebody presses Launch."
    day = f"{'Next, on' if is_series else 'On'} {day_words(timing.on)}"
    if timing.kind == Kind.HABIT:
        return (
            f"{day}, each person gets the mail at the hour at which they usually open and click; who has no habit yet "
            "gets it at the list's best hour."
        )
    assert timing.at is not None
    if timing.kind == Kind.ZONE:
        return f"{day}, each person gets the mail when it is {_clock(timing.at)} where they live."
    utc = "" if timing.zone.key == "UTC" else f", which is {in_utc(launch_moment(timing))}"
    return f"{day} at {_clock(timing.at)} in {_name(timing.zone)} the mails go out to everybody{utc}."


def _freezing(timing: Timing, *, at: datetime) -> str:
    moment = launch_moment(timing)
    when = "right away, because that day has begun somewhere" if moment <= at else f"at {in_utc(moment)}"
    return (
        f"The audience is frozen {when}, when the first zone on earth gets there; {_PAST[timing.past]}. Who is added "
        "to the segment later gets nothing."
    )


def _clock(at: time) -> str:
    return f"{at:%H:%M}"


def _name(zone: ZoneInfo) -> str:
    return "UTC" if zone.key == "UTC" else zone.key.replace("_", " ")
