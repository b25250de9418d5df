"""Was it a person? Verdicts on opens and clicks; raw hits are kept, so that verdicts can be made anew."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_MACHINE_AGENTS = re.compile(
    r"bot\b|crawl|spider|preview|scan|barracuda|proofpoint|mimecast|safelinks|curl/|wget/|python-|go-http|java/",
    re.ASCII | re.IGNORECASE,
)
_PREFETCH_AGENTS = {"Mozilla/5.0"}
"""Apple's Mail Privacy Protection fetches every picture with this bare name, read or not."""
FASTEST_HUMAN_SECONDS = 1.0
TOO_FAST = "faster than a person"
HEADERS_ONLY = "asked for headers only"
REPORTED = "the provider says so"
TRAP_INDEX = 32_767
"""The number of the link that readers do not see; no other link of a mail has it."""
TRAP_MINUTES = 10
BURST_LINKS, BURST_SECONDS = 3, 5
SETTLED_AFTER = timedelta(seconds=2 * BURST_SECONDS)
"""What else comes in a burst has come by then."""
MOST_HITS, TOO_MANY = 1_000, "more than a person"
"""So many hits of a message are judged by each other; any more are a machine's."""
Burst = tuple[datetime, datetime, frozenset[str]]
"""From when until when, and by which user agents."""
_STICKS = {HEADERS_ONLY, REPORTED}
"""Verdicts on what is not kept of a hit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What is kept of an opening or a click, and how it was judged."""

    id: int
    message_id: int
    is_click: bool
    at: datetime
    sent_at: datetime | None
    link_index: int | None
    user_agent: str
    is_reported: bool
    verdict: str


def machine_verdict(
    *, user_agent: str, method: str, link_index: int | None = None, seconds_since_sent: float | None = None
) -> str:
    """Say why a hit counts as a machine's, or return an empty string for a person's."""
    if method != "GET":
        return HEADERS_ONLY
    if link_index == TRAP_INDEX:
        return "followed the hidden link"
    if not user_agent.strip():
        return "no user agent"
    return _verdict_on_agent(user_agent) or _verdict_on_time(seconds_since_sent)


def reported_verdict(*, user_agent: str, report: object, seconds_since_sent: float | None) -> str:
    """The same for what a provider reports: many do not name the device, some say themselves that it was a machine."""
    if _says_machine(report):
        return REPORTED
    return _verdict_on_agent(user_agent) or _verdict_on_time(seconds_since_sent)


def judged(hits: Sequence[Hit]) -> dict[int, str]:
    """Return the verdict on each hit by its id, from all hits of the messages that they are of.

    Beside what a hit tells by itself: whoever follows the hidden link is a machine in all they do around then, and so
    is whoever follows several links within seconds, and fetches pictures meanwhile.
    """
    by_message: dict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_message[hit.message_id].append(hit)
    return {id: verdict for group in by_message.values() for id, verdict in _judged_together(group)}


def _judged_together(hits: Sequence[Hit]) -> Iterator[tuple[int, str]]:
    trapped = [hit for hit in hits if hit.link_index == TRAP_INDEX]
    bursts = _bursts(sorted((hit for hit in hits if hit.is_click), key=lambda hit: hit.at))
    for hit in hits:
        yield hit.id, _verdict_alone(hit) or _verdict_by_others(hit, trapped, bursts)


def _verdict_alone(hit: Hit) -> str:
    is_emptied = not hit.user_agent and (hit.verdict or not hit.is_reported)
    if hit.verdict in _STICKS or is_emptied:
        return hit.verdict
    elapsed = (hit.at - hit.sent_at).total_seconds() if hit.sent_at else None
    if hit.is_reported:
        return _verdict_on_agent(hit.user_agent) or _verdict_on_time(elapsed)
    return machine_verdict(
        user_agent=hit.user_agent, method="GET", link_index=hit.link_index, seconds_since_sent=elapsed
    )


def _verdict_by_others(hit: Hit, trapped: Iterable[Hit], bursts: Iterable[Burst]) -> str:
    around = timedelta(minutes=TRAP_MINUTES)
    if any(one.user_agent == hit.user_agent and abs(one.at - hit.at) <= around for one in trapped):
        return "by whom followed the hidden link"
    for begin, end, agents in bursts:
        if begin <= hit.at <= end and (hit.is_click or hit.user_agent in agents):
            return "several links within seconds"
    return ""


def _bursts(clicks: Sequence[Hit]) -> list[Burst]:
    """When several links were followed at once, in time's order; bursts that overlap are one."""
    found: list[Burst] = []
    close: deque[Hit] = deque()
    for hit in clicks:
        close.append(hit)
        while hit.at - close[0].at > timedelta(seconds=BURST_SECONDS):
            close.popleft()
        if len({one.link_index for one in close}) >= BURST_LINKS:
            agents = frozenset(one.user_agent for one in close)
            if found and close[0].at <= found[-1][1]:
                begin, _, others = found.pop()
                found.append((begin, hit.at, others | agents))
            else:
                found.append((close[0].at, hit.at, agents))
    return found


def _verdict_on_agent(user_agent: str) -> str:
    if user_agent.strip() in _PREFETCH_AGENTS:
        return "mail privacy prefetch"
    return "user agent of a program" if _MACHINE_AGENTS.search(user_agent) else ""


def _verdict_on_time(seconds_since_sent: float | None) -> str:
    return TOO_FAST if seconds_since_sent is not None and seconds_since_sent < FASTEST_HUMAN_SECONDS else ""


def _says_machine(report: object) -> bool:
    """SendGrid, Mailgun and Brevo each have a word for it."""
    if not isinstance(report, Mapping):
        return False
    told: Mapping[str, Any] = report
    if told.get("sg_machine_open") in (True, "true", "True"):
        return True
    if told.get("event") in ("proxy_open", "unique_proxy_open"):
        return True
    data = told.get("event-data")
    client = data.get("client-info") if isinstance(data, Mapping) else None
    return isinstance(client, Mapping) and client.get("bot") in ("apple", "generic")
