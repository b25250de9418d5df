"""Lists of addresses that must not be written to; they are kept as keyed hashes only."""

from collections import Counter
from collections.abc import Sequence

from customers.consent import address_hash
from customers.importing.people.mapping import PeopleMapping
from customers.importing.people.parsing import Parsed
from customers.importing.people.storing import Outcome
from customers.models import Suppression


class Suppressor:
    """Judges and stores the batches of one such list, as `storing.Judge` does for people."""

    def __init__(self, mapping: PeopleMapping) -> None:
        self._reason = mapping.reason

    def judge(self, people: Sequence[tuple[int, Parsed, bool]]) -> Outcome:
        """Say which addresses are new and which are suppressed already. One query."""
        new, repeats = self._new(people)
        return self._outcome(len(people), len(new), repeats)

    def store(self, people: Sequence[tuple[int, Parsed, bool]], *, consent_source: str) -> Outcome:
        """Suppress the addresses that are not yet."""
        new, repeats = self._new(people)
        rows = [Suppression(address_hash=hash, reason=self._reason) for hash in sorted(new)]
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)
        return self._outcome(len(people), len(new), repeats)

    def _new(self, people: Sequence[tuple[int, Parsed, bool]]) -> tuple[set[bytes], list[int]]:
        hashes = {address_hash(row.email or "") for _, row, is_repeat in people if not is_repeat}
        known = Suppression.objects.filter(address_hash__in=hashes).values_list("address_hash", flat=True)
        repeats = [position for position, _, is_repeat in people if is_repeat]
        return hashes - set(map(bytes, known)), repeats

    def _outcome(self, rows: int, new: int, repeats: list[int]) -> Outcome:
        stored = Counter({"new": new, "unchanged": rows - new - len(repeats)})
        return Outcome(stored=stored, refused=[(position, "duplicate") for position in repeats])
