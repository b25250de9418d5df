"""Lists of addresses that must not be written to; they are kept as keyed hashes only."""

from collections import Counter
from collections.abc import Sequence

from customers.consent import SCOPES, address_hash
from customers.importing.people.mapping import PeopleMapping
from customers.importing.people.parsing import Parsed
from customers.importing.people.storing import Outcome
from customers.models import Suppression


class Suppressor:
    """Judges and stores the batches of one such list, as `storing.Judge` does for people.

    The list's reason says what is stopped; where marketing alone was stopped and the list means all mail, the stop is
    widened. It is never narrowed.
    """

    def __init__(self, mapping: PeopleMapping) -> None:
        self._reason = Suppression.Reason(mapping.reason)
        self._scope = SCOPES[self._reason]

    def judge(self, people: Sequence[tuple[int, Parsed, bool]]) -> Outcome:
        """Say which addresses are new, stopped further than before, or suppressed already. One query."""
        return self._outcome(people, *self._found(people))

    def store(self, people: Sequence[tuple[int, Parsed, bool]], *, consent_source: str) -> Outcome:
        """Suppress the addresses that are not yet, or not yet so far."""
        new, narrower = self._found(people)
        rows = [
            Suppression(address_hash=hash, reason=self._reason, scope=self._scope) for hash in sorted(new)
        ]
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)
        widened = Suppression.objects.select_for_update().filter(address_hash__in=sorted(narrower))
        ids = list(widened.order_by("address_hash").values_list("pk", flat=True))
        Suppression.objects.filter(pk__in=ids).update(scope=self._scope, reason=self._reason)
        return self._outcome(people, new, narrower)

    def _found(self, people: Sequence[tuple[int, Parsed, bool]]) -> tuple[set[bytes], set[bytes]]:
        """Hashes that are not suppressed, and those of which less is stopped than the list asks for."""
        hashes = {address_hash(row.email or "") for _, row, is_repeat in people if not is_repeat}
        known = Suppression.objects.filter(address_hash__in=hashes).values_list("address_hash", "scope")
        scopes = {bytes(hash): scope for hash, scope in known}
        is_all = self._scope == Suppression.Scope.ALL
        return hashes - set(scopes), {
            hash for hash, scope in scopes.items() if is_all and scope == Suppression.Scope.MARKETING
        }

    def _outcome(
        self, people: Sequence[tuple[int, Parsed, bool]], new: set[bytes], narrower: set[bytes]
    ) -> Outcome:
        repeats = [position for position, _, is_repeat in people if is_repeat]
        unchanged = len(people) - len(new) - len(narrower) - len(repeats)
        stored = Counter({"new": len(new), "updated": len(narrower), "unchanged": unchanged})
        return Outcome(stored=stored, refused=[(position, "duplicate") for position in repeats])
