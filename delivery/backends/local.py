"""Keeps mail in the database, where the mailbox page shows it. Nothing leaves this machine."""

from collections.abc import Sequence

from delivery.backends.base import Accepted, Outgoing, Refused
from delivery.models import MailboxMessage


class LocalBackend:
    """The embedded default. A key is kept once, so that a retry after a lost answer doubles nothing."""

    honours_key = True

    def send(self, batch: Sequence[Outgoing]) -> list[Accepted | Refused]:
        """Store the batch in one statement; what is there already is left as it is."""
        MailboxMessage.objects.bulk_create(
            [
                MailboxMessage(
                    key=mail.key, recipient=mail.recipient, subject=mail.subject[:500], raw=mail.raw
                )
                for mail in sorted(batch, key=lambda mail: mail.key)
            ],
            ignore_conflicts=True,
        )
        return [Accepted(provider_id=mail.key) for mail in batch]
