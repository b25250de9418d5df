"""Doorbells of the post office."""

from celery import shared_task

from delivery import (
    domain_checks,
    heartbeats,
    letters,
    outcomes,
    reconciling,
    recording,
    tallies,
    unsubscribe_mail,
    watching,
    webhooks,
)
from delivery.backends import in_doubt_of_senders


@shared_task
def release_expired_messages() -> dict[str, int]:
    """Find messages whose worker died, and those put back after their campaign was cancelled."""
    outcomes.skip_cancelled()
    return outcomes.release_expired(in_doubt=in_doubt_of_senders())


@shared_task
def record_events() -> int:
    """Take new message events into the customers' history until none are left."""
    total = 0
    while recorded := recording.record_message_events():
        total += recorded
    return total


@shared_task
def settle_unknown_messages() -> int:
    """Settle unknown messages by reports, those that waited among them, and by asking who can be asked."""
    webhooks.try_waiting()
    return reconciling.settle_reported() + reconciling.ask_providers()


@shared_task
def read_unsubscribe_mails() -> int:
    """Heed the mails in the mailbox for unsubscribing, where there is one."""
    return unsubscribe_mail.read_mailbox()


@shared_task
def send_letters() -> int:
    """Send what waits for one person: confirmations of sign-ups, tests of senders."""
    return letters.send_waiting()


@shared_task
def check_domains() -> int:
    """Look at the domains of senders for which somebody waits; the next minute goes on."""
    return domain_checks.run_waiting(seconds=3)


@shared_task
def check_all_domains() -> int:
    """Ask for a look at every sender's domain; the minutes that follow take them."""
    return domain_checks.ask_all()


@shared_task
def watch_delivery() -> None:
    """Raise and resolve alerts about what keeps mail from leaving, and forget processes that are long gone."""
    watching.refresh_alerts()
    heartbeats.forget_old()
    tallies.forget_old()
