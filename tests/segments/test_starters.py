from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from common.clock import now
from customers.models import Customer, CustomerFacts, Score
from products.models import Category
from segments.models import Segment
from segments.starters import Shop, install
from segments.wording import kind_of, missing_scores

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stages")]


def test_they_are_stored_once():
    out = StringIO()
    call_command("starter_segments", stdout=out)
    assert Segment.objects.count() == 15
    assert Segment.objects.filter(is_core=True).count() in range(5, 11)
    call_command("starter_segments", stdout=out)
    assert out.getvalue().endswith("All starter segments are there already.\n")
    assert Segment.objects.count() == 15


def test_what_a_shop_made_of_them_stays():
    Segment.objects.create(key="loyal", name="Ours", condition={"all": []})
    assert "loyal" not in [one.key for one in install(Shop())]
    assert Segment.objects.get(key="loyal").name == "Ours"


def test_a_shop_has_its_own_category_and_amount():
    call_command("starter_segments", "--category=kitchen/pots", "--cart=19.99", stdout=StringIO())
    assert Segment.objects.get(key="last-session-kitchen-pots").condition["value"] == "kitchen/pots"
    assert Segment.objects.get(key="abandoned-cart").condition["where"] == {"value": {"gt": 1999}}


@pytest.mark.parametrize("amount", ["1.999", "-1", "NaN"])
def test_an_amount_that_nobody_pays_is_refused(amount):
    with pytest.raises(CommandError, match="--cart"):
        call_command("starter_segments", f"--cart={amount}")


def test_bands_light_up_when_there_are_scores_and_hold_everybody_once():
    install(Shop())
    bands = Segment.objects.filter(key__startswith="ltv-")
    assert set(missing_scores(bands)) == {one.pk for one in bands}
    people = Customer.objects.bulk_create(Customer() for _ in range(10))
    for place, person in enumerate(people, start=1):
        Score.objects.create(
            customer=person,
            kind="ltv",
            value=place,
            percentile=place * 10,
            model_version="1",
            computed_at=now(),
        )
    call_command("refresh_segments", stdout=StringIO())
    assert dict(bands.values_list("key", "member_count")) == {"ltv-high": 2, "ltv-medium": 3, "ltv-low": 5}
    assert missing_scores(bands) == {}


def test_each_is_of_the_kind_that_decides():
    install(Shop())
    kinds = {key: kind_of(Segment.objects.get(key=key)) for key in ("loyal", "ltv-high", "never-bought")}
    assert kinds == {"loyal": "Lifecycle", "ltv-high": "Predictive", "never-bought": "Dynamic"}


def test_the_last_visit_is_looked_for_below_the_category_too():
    Category.objects.create(name="Outdoor", path="outdoor")
    tents = Category.objects.create(name="Tents", path="outdoor/tents")
    person = Customer.objects.create()
    CustomerFacts.objects.create(customer=person, last_session_category_id=tents.pk)
    install(Shop())
    assert Segment.objects.get(key="last-session-outdoor").memberships.get().customer == person
