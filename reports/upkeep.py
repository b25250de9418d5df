"""Everything that reports show, brought up to date in the order in which one needs the other."""

from reports.campaign_figures import recount
from reports.cohorts import refresh_cohorts
from reports.refreshing import rebuild_if_needed, refresh


def bring_up_to_date() -> int:
    """Take in all changes, then count what is due; returns how many changes were taken in."""
    changes = refresh()
    count_what_is_due()
    return changes


def count_what_is_due() -> int:
    """Rebuild where that is due, and count campaigns and cohorts that are; returns how many campaigns."""
    rebuild_if_needed()
    campaigns = recount()
    refresh_cohorts()
    return campaigns
