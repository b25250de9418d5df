"""Keeps mail in the database, where the mailbox page shows it. Nothing leaves this machine."""

from collections.abc import Mapping, Sequence

from delivery.answers import Accepted, Answer, InDoubt
from delivery.backends.base import Outgoing
from delivery.models import MailboxMessage


class LocalBackend:
    """The embedded default. A key is kept once, so that a retry after a lost answer doubles nothing."""

    in_doubt = InDoubt.REPEAT
    key_lifetime = None

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
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
        return [(mail, Accepted(provider_id=mail.key)) for mail in batch]

    def ask(self, keys: Sequence[str], *, deadline: float) -> Mapping[str, str]:
        """Say which keys are in the mailbox."""
        found = set(MailboxMessage.objects.filter(key__in=keys).values_list("key", flat=True))
        return {key: key if key in found else "" for key in keys}
