"""Two ids of one source for one address are kept apart and listed, in one batch as in two."""

from typing import Any

import pytest

from customers.ingest import ingest
from customers.models import Customer, CustomerIdentity, DuplicatePair
from tests.customers.merges import view

pytestmark = pytest.mark.django_db
ANN = "ann@example.com"
FIRST, SECOND, ADDRESS = {"customer": "7", "email": ANN}, {"customer": "8", "email": ANN}, {"email": ANN}
CASES = {
    "two new ids": ([], [FIRST, SECOND]),
    "an address, then two ids": ([], [ADDRESS, FIRST, SECOND]),
    "one id is known": ([FIRST], [FIRST, SECOND]),
    "one id is known without the address": ([{"customer": "7"}], [FIRST, SECOND]),
    "both ids are known without the address": ([{"customer": "7"}, {"customer": "8"}], [FIRST, SECOND]),
    "an id without and with the address, and another": ([], [{"customer": "7"}, FIRST, SECOND]),
}


def what_became(before: list[dict[str, str]], batches: list[list[dict[str, str]]]) -> dict[str, Any]:
    for number, who in enumerate(before):
        ingest([view(f"before {number}", **who)], source="shop")
    conflicts = 0
    for number, batch in enumerate(batches):
        events = [view(f"{number} {place}", **who) for place, who in enumerate(batch)]
        conflicts += ingest(events, source="shop").identity_conflicts
    found = CustomerIdentity.objects.order_by("value").values_list("value", "customer__email", "attached_by")
    return {
        "customers": Customer.objects.count(),
        "identities": list(found),
        "conflicts": conflicts,
        "pairs": DuplicatePair.objects.count(),
    }


@pytest.mark.parametrize("case", CASES)
def test_one_batch_is_as_good_as_many(case: str) -> None:
    before, told = CASES[case]
    one = what_became(before, [told])
    DuplicatePair.objects.all().delete()
    CustomerIdentity.objects.all().delete()
    Customer.objects.update(email=None)
    known = Customer.objects.count()
    many = what_became(before, [[who] for who in told])
    assert one | {"customers": one["customers"] + known} == many
