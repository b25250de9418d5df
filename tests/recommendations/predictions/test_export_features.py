"""What predictions are made from, as a file for models that are learnt elsewhere."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer
from recommendations.predictions.features import LABELS
from tests.recommendations.conftest import NOW, Shop, order


def exported(file: Path, *arguments: str) -> dict[str, dict[str, str]]:
    call_command("export_features", file, "--as-of", NOW.isoformat(), *arguments)
    with file.open() as lines:
        return {row["customer"]: row for row in csv.DictReader(lines)}


def test_it_writes_what_was_known_and_who_ordered_afterwards(small_shop: Shop, tmp_path: Path) -> None:
    anna, berta, clara, _ = small_shop.customers
    for customer, days in ((anna, -10), (anna, 20), (berta, -10), (berta, 40), (clara, 5)):
        order(customer, small_shop.products[0], NOW + timedelta(days=days))
    found = exported(tmp_path / "features.csv", "--days", "30")
    assert list(found[str(anna.public_id)]) == ["customer", *LABELS, "ordered"]
    told = {id: (row["country"], row["orders"], row["age"], row["ordered"]) for id, row in found.items()}
    assert told == {str(anna.public_id): ("GB", "1.0", "", "1"), str(berta.public_id): ("FR", "1.0", "", "0")}


def test_who_objects_to_profiling_is_left_out(small_shop: Shop, tmp_path: Path) -> None:
    for customer in small_shop.customers[:2]:
        order(customer, small_shop.products[0], NOW - timedelta(days=1))
    Customer.objects.filter(pk=small_shop.customers[0].pk).update(allows_profiling=False)
    assert list(exported(tmp_path / "features.csv")) == [str(small_shop.customers[1].public_id)]


@pytest.mark.django_db
@pytest.mark.parametrize(("arguments", "why"), [(("--days", "0"), "--days must be"), ((), "No such file")])
def test_what_cannot_be_written_is_refused(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandError, match=why) as refused:
        exported(tmp_path / "absent" / "features.csv", *arguments)
    assert refused.value.returncode == 2
