"""What is known of preflights: whether the last one still counts, and what it has against a launch."""

from django.conf import settings

from campaigns.models import Campaign, PreflightRun
from campaigns.seals import seal_of_contents


def latest(campaign: Campaign) -> PreflightRun | None:
    """Return the campaign's newest preflight with its findings; two queries."""
    return campaign.preflights.prefetch_related("findings").first()


def is_stale(run: PreflightRun, campaign: Campaign) -> bool:
    """Whether the campaign, its templates, rules or blocks are others than those that the run has judged."""
    return run.seal != seal_of_contents(campaign)


def obstacles(campaign: Campaign) -> list[str]:
    """Say what the preflight has against a launch; with `settings.LAUNCH_NEEDS_PREFLIGHT` that there is none too.

    For an occurrence the preflight of its series counts.
    """
    judged = campaign.parent or campaign
    run = latest(judged)
    counts = run is not None and run.state == PreflightRun.State.DONE and not is_stale(run, judged)
    if run is None or not counts:
        missing = "Nobody has checked the mails since the last change: begin a preflight."
        return [missing] if settings.LAUNCH_NEEDS_PREFLIGHT else []
    return [
        f"Preflight: {finding.get_kind_display()}{f' ({finding.about})' if finding.about else ''},"
        f" {finding.count:,} times."
        for finding in run.findings.all()
        if finding.is_blocking
    ]
