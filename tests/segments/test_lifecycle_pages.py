import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from customers.models import Customer, CustomerFacts
from segments import membership
from segments.models import LifecycleStage, Segment, StageChange
from tests.segments.test_pages import rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stages")]
BOUGHT = {"kind": "attribute", "field": "fact:orders_count", "op": "gte", "value": "2"}


@pytest.fixture
def buyer(db) -> Customer:
    person = Customer.objects.create(first_name="Ada")
    membership.refresh_all()
    CustomerFacts.objects.create(customer=person, orders_count=1)
    membership.refresh_all()
    return person


def test_the_page_says_who_is_where(client, marketer, buyer):
    page = client.get(reverse("segments:lifecycle")).content.decode()
    assert "Everybody else." in page
    assert "New subscriber → Active" in page


def test_another_order_is_shown_before_it_is_stored(client, marketer, buyer):
    order = "churned,at-risk,active,loyal,new"
    page = client.get(reverse("segments:lifecycle"), {"order": order}).content.decode()
    assert '<span class="h2">0</span> customers would move.' in page
    client.post(reverse("segments:lifecycle_order"), {"order": order})
    assert list(LifecycleStage.objects.values_list("key", flat=True)) == order.split(",")


@pytest.mark.parametrize("order", ["new", "x,y", "", "new,churned,at-risk,loyal,active"])
def test_an_order_that_cannot_be_is_refused(client, marketer, order):
    before = list(LifecycleStage.objects.values_list("key", flat=True))
    assert client.get(reverse("segments:lifecycle"), {"order": order}).status_code == 200
    client.post(reverse("segments:lifecycle_order"), {"order": order})
    assert list(LifecycleStage.objects.values_list("key", flat=True)) == before


def test_the_effect_of_a_draft_is_shown_and_then_saved(client, marketer, buyer):
    draft = rows(BOUGHT)
    page = client.post(reverse("segments:stage_preview", args=["active"]), draft).content.decode()
    assert '<span class="h2">1</span> customers would move.' in page
    posted = {"name": "Active", "description": "", "act": "save", **draft}
    page = client.post(reverse("segments:stage_edit", args=["active"]), posted, follow=True).content.decode()
    assert "Saved: Active has 0 customers." in page
    assert StageChange.objects.latest("pk").to_stage == "new"


def test_a_new_stage_stands_before_everybody_else(client, marketer, buyer):
    posted = {"name": "Once", "description": "", "act": "save", **rows(BOUGHT | {"value": "1"})}
    assert client.post(reverse("segments:stage_new_preview"), posted).status_code == 200
    client.post(reverse("segments:stage_new"), posted)
    assert list(LifecycleStage.objects.values_list("key", flat=True))[-2:] == ["once", "new"]
    again = client.post(reverse("segments:stage_new"), posted).content.decode()
    assert "There is a stage of that name already" in again


def test_the_stage_of_everybody_else_is_renamed_and_not_deleted(client, marketer, buyer):
    address = reverse("segments:stage_edit", args=["new"])
    assert "Everybody who fits no other stage" in client.get(address).content.decode()
    client.post(address, {"name": "Newcomers", "description": "", "act": "save"})
    client.post(reverse("segments:stage_delete", args=["new"]))
    assert LifecycleStage.objects.get(key="new").name == "Newcomers"


def test_a_deleted_stage_moves_its_customers(client, marketer, buyer):
    client.post(reverse("segments:stage_delete", args=["active"]))
    assert Customer.objects.get(pk=buyer.pk).stage == "new"


def test_a_segment_is_made_of_a_stage(client, marketer, buyer):
    page = client.get(reverse("segments:new"), {"stage": "active"}).content.decode()
    assert "Active" in page
    assert client.get(reverse("segments:new"), {"stage": "nope"}).status_code == 404
    assert client.get(reverse("segments:new"), {"prediction": "ltv-high"}).status_code == 200
    assert client.get(reverse("segments:new"), {"prediction": "nope"}).status_code == 404


def test_members_and_changes_are_paged_in_constant_queries(client, marketer, django_assert_max_num_queries):
    Customer.objects.bulk_create(Customer(first_name=f"P{n}") for n in range(60))
    membership.store(Segment(key="all", name="All", condition={"all": []}))
    for name in ("members", "changes"):
        with django_assert_max_num_queries(8):
            page = client.get(reverse(f"segments:{name}", args=["all"])).content.decode()
        assert page.count("<tr>") == 51
        assert "cursor=before" in page
    with django_assert_max_num_queries(8):
        client.get(reverse("segments:lifecycle_changes"))


def test_a_sub_segment_stands_below_its_segment(client, marketer, segment):
    part = Segment(key="part", name="A part", condition={"all": []}, parent=segment)
    membership.store(part)
    page = client.get(reverse("segments:list")).content.decode()
    assert page.index(">British</a>") < page.index(">A part</a>")
    assert "Everybody, and is in the segment “British”." in page


def test_the_lifecycle_of_historical_data_has_its_own_now(client, buyer):
    client.force_login(get_user_model().objects.create_superuser("boss@example.com", "x"))
    Customer.objects.filter(pk=buyer.pk).update(signed_up_at="2011-01-01T00:00Z")
    CustomerFacts.objects.update(orders_count=0)
    posted = {"as_of_0": "2011-02-01", "as_of_1": "00:00:00"}
    client.post(reverse("admin:segments_lifecycle_change", args=[1]), posted)
    assert Customer.objects.get(pk=buyer.pk).stage == "new"
    client.post(
        reverse("admin:segments_lifecycle_change", args=[1]), {"as_of_0": "2011-12-10", "as_of_1": "00:00:00"}
    )
    assert Customer.objects.get(pk=buyer.pk).stage == "churned"
