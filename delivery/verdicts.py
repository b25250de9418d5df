"""Was it a person? A first verdict on opens and clicks; the raw hit is kept, so it can be made anew."""

import re

_MACHINE_AGENTS = re.compile(
    r"bot\b|crawl|spider|preview|scan|barracuda|proofpoint|mimecast|safelinks|curl/|wget/|python-|go-http|java/",
    re.ASCII | re.IGNORECASE,
)
_PREFETCH_AGENTS = {"Mozilla/5.0"}
"""Apple's Mail Privacy Protection fetches every picture with this bare name, read or not."""
FASTEST_HUMAN_SECONDS = 1.0


def machine_verdict(*, user_agent: str, method: str, seconds_since_sent: float | None) -> str:
    """Say why a hit counts as a machine's, or return an empty string for a person's."""
    if method != "GET":
        return "asked for headers only"
    if not user_agent.strip():
        return "no user agent"
    if user_agent.strip() in _PREFETCH_AGENTS:
        return "mail privacy prefetch"
    if _MACHINE_AGENTS.search(user_agent):
        return "user agent of a program"
    if seconds_since_sent is not None and seconds_since_sent < FASTEST_HUMAN_SECONDS:
        return "faster than a person"
    return ""
