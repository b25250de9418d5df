"""The API that e-mail service providers ask: who may, what is refused, what comes back."""

import json
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import ApiKey
from campaigns.models import Campaign
from campaigns.publishing import save_block
from common.clock import now
from customers.models import Customer
from delivery.steering import steer
from recommendations.models import ModelVersion, Recommendation
from recommendations.strategies import STRATEGIES
from tests.campaigns.making import bestsellers, launched, people, rules

pytestmark = pytest.mark.django_db
UNKNOWN = uuid.UUID("9f345e8e-8d93-4b82-88aa-debc8b1e1574")
BOTH = [ApiKey.Scope.CONTENT_READ.value, ApiKey.Scope.RECOMMENDATIONS_READ.value]


def get(path: str, *, scopes: list[str] | None = BOTH, **query: object) -> tuple[int, str, dict[str, object]]:
    """Ask with a key of these scopes: status, content type, answer."""
    headers = {}
    if scopes is not None:
        headers["Authorization"] = f"Bearer {ApiKey.objects.issue(name='esp', scopes=scopes)[1]}"
    answer = Client().get(f"/api/v1/{path}", query, headers=headers)
    return answer.status_code, answer["Content-Type"], json.loads(answer.content)


def recommendations(customer: Customer, **options: object) -> tuple[int, str, dict[str, object]]:
    """Ask for one customer's products."""
    return get(f"customers/{customer.public_id}/recommendations", **options)


def prefer(customer: Customer, product_ids: list[int]) -> None:
    """Store what a model thinks of a customer."""
    version, _ = ModelVersion.objects.get_or_create(
        engine="blend", number=1, defaults={"status": "champion", "started_at": now()}
    )
    Recommendation.objects.create(
        customer=customer,
        model_version=version,
        product_ids=product_ids,
        scores=[1.0] * len(product_ids),
        computed_at=now(),
    )


@pytest.mark.parametrize("path", ["content/hero", f"customers/{UNKNOWN}/recommendations"])
@pytest.mark.parametrize(("scopes", "status"), [(None, 401), ([], 403)])
def test_a_key_with_the_scope_is_needed(path: str, scopes: list[str] | None, status: int) -> None:
    found, kind, answer = get(path, scopes=scopes)
    assert (found, kind, answer["status"]) == (status, "application/problem+json", status)


def test_one_scope_does_not_open_the_other_door() -> None:
    [customer] = people(1)
    assert recommendations(customer, scopes=[ApiKey.Scope.CONTENT_READ.value])[0] == 403
    assert get("content/hero", scopes=[ApiKey.Scope.RECOMMENDATIONS_READ.value])[0] == 403


@pytest.mark.parametrize("who", [str(UNKNOWN), "17", "not-an-id"])
def test_an_unknown_customer_is_a_problem_document(who: str) -> None:
    status, kind, answer = get(f"customers/{who}/recommendations")
    assert (status, kind) == (404, "application/problem+json")
    assert answer["status"] == 404


@pytest.mark.parametrize("k", ["0", "51", "-1", "six", "1.5", "", "9" * 5_000])
def test_a_number_of_products_out_of_range_is_refused(k: str) -> None:
    [customer] = people(1)
    status, kind, answer = recommendations(customer, k=k)
    assert (status, kind) == (400, "application/problem+json")
    assert answer["errors"] == {"k": ["Give a whole number from 1 to 50."]}


def test_a_customer_gets_the_models_products_best_first() -> None:
    products = bestsellers(4)
    [customer] = people(1)
    prefer(customer, [products[3].pk, products[2].pk])
    status, _, answer = recommendations(customer, k=3)
    assert (status, answer["customer"], answer["shortfall"]) == (200, str(customer.public_id), "")
    shown = [(one["external_id"], one["given_by"], one["price_minor"]) for one in answer["products"]]
    assert shown == [("p3", "model", 1_003), ("p2", "model", 1_002), ("p0", "popular", 1_000)]
    assert answer["model_version"] is not None


def test_whoever_is_in_a_baseline_arm_gets_bestsellers_through_this_door_too() -> None:
    products = bestsellers(4)
    crowd = people(20)
    for one in crowd:
        prefer(one, [products[3].pk])
    campaign, _ = launched()
    arms = dict(campaign.recipients.values_list("customer_id", "variant_key"))
    first = {one.pk: recommendations(one, k=1)[2]["products"][0]["external_id"] for one in crowd}
    assert set(arms.values()) == {"a", "b"}
    assert first == {who: "p0" if key == "a" else "p3" for who, key in arms.items()}


def in_baseline(campaign: Campaign) -> Customer:
    """Somebody of the arm without personalisation."""
    return campaign.recipients.filter(variant_key="a").select_related("customer")[0].customer


@pytest.mark.parametrize(("act", "first"), [("wait", "p3"), ("cancel", "p3"), ("pause", "p0")])
def test_the_baseline_ends_with_the_experiments_window_or_with_a_cancellation(act: str, first: str) -> None:
    products = bestsellers(4)
    people(20)
    campaign, counted = launched()
    held = in_baseline(campaign)
    prefer(held, [products[3].pk])
    if act == "wait":
        Campaign.objects.update(launched_at=now() - timedelta(days=7, seconds=1))
    else:
        steer(counted.dispatch_id, act)
    assert recommendations(held, k=1)[2]["products"][0]["external_id"] == first


def test_products_that_rules_exclude_are_not_recommended_here_either() -> None:
    bestsellers(3)
    [customer] = people(1)
    rules(otherwise={"exclude": {"products": ["p0"]}})
    shown = recommendations(customer, k=2)[2]["products"]
    assert [one["external_id"] for one in shown] == ["p1", "p2"]


def test_a_provider_may_ask_by_strategy() -> None:
    products = bestsellers(3)
    [customer] = people(1)
    prefer(customer, [products[2].pk])
    status, _, answer = recommendations(customer, k=1, strategy="trending")
    assert (status, answer["products"][0]["external_id"]) == (200, "p0")
    assert recommendations(customer, k=1, strategy="recently_viewed")[2]["shortfall"].startswith(
        "Only 0 of 1"
    )


def test_an_unknown_strategy_is_refused_with_those_there_are() -> None:
    [customer] = people(1)
    status, kind, answer = recommendations(customer, strategy="magic")
    assert (status, kind) == (400, "application/problem+json")
    assert "goes_with_bought" in json.dumps(answer)


def test_a_baseline_arm_gets_bestsellers_for_each_personal_strategy() -> None:
    products = bestsellers(4)
    people(20)
    held = in_baseline(launched()[0])
    prefer(held, [products[3].pk])
    for strategy, one in STRATEGIES.items():
        given = recommendations(held, k=1, strategy=strategy)[2]["products"][0]
        assert given["external_id"] == "p0", (strategy, one)


def hero() -> None:
    """A slot that rules decide: Britons get one block, everybody else the other."""
    save_block(key="uk", name="UK", mjml="<mj-text>Rain</mj-text>")
    save_block(key="rest", name="Rest", mjml="<mj-text>Sun</mj-text>")
    rules(
        {"name": "GB", "when": {"attribute": "country", "value": "GB"}, "then": {"show": "uk"}},
        otherwise={"show": "rest", "set": {"headline": "New"}},
    )


def test_a_slot_shows_what_the_rules_decide_for_the_customer() -> None:
    hero()
    [customer] = people(1)
    status, _, answer = get("content/hero", customer=customer.public_id)
    assert (status, answer["block"], answer["is_fallback"]) == (200, "uk", False)
    assert "Rain" in answer["html"]
    assert answer["rule_set_version"] == 1


def test_a_slot_shows_its_fallback_to_somebody_unknown() -> None:
    hero()
    for query in ({}, {"customer": str(UNKNOWN)}):
        status, _, answer = get("content/hero", **query)
        assert (status, answer["block"], answer["is_fallback"]) == (200, "rest", True)
        assert "Sun" in answer["html"]
        assert answer["variables"] == {"headline": "New"}


def test_a_slot_shows_its_fallback_to_the_baseline() -> None:
    hero()
    crowd = people(20)
    campaign, _ = launched()
    arms = dict(campaign.recipients.values_list("customer_id", "variant_key"))
    shown = {one.pk: get("content/hero", customer=one.public_id)[2]["block"] for one in crowd}
    assert shown == {who: "rest" if key == "a" else "uk" for who, key in arms.items()}


def test_a_slot_shows_its_fallback_to_who_objects_to_profiling() -> None:
    hero()
    [customer] = people(1, allows_profiling=False)
    answer = get("content/hero", customer=customer.public_id)[2]
    assert (answer["block"], answer["is_fallback"]) == ("rest", True)


def test_a_link_that_data_makes_is_checked_in_a_slot_too() -> None:
    save_block(
        key="rest", name="Rest", mjml='<mj-text><a title=">" href="{{ website }}">Your page</a></mj-text>'
    )
    rules(otherwise={"show": "rest"})
    [bad, good] = people(2)
    for one, website in ((bad, "javascript:alert(1)"), (good, "https://shop.example/me")):
        Customer.objects.filter(pk=one.pk).update(attributes={"website": website})
    assert 'href="#"' in get("content/hero", customer=bad.public_id)[2]["html"]
    assert 'href="https://shop.example/me"' in get("content/hero", customer=good.public_id)[2]["html"]


def test_the_shelf_of_a_block_is_filled() -> None:
    products = bestsellers(3)
    shelf = "{% recommendations k: 1 %}<mj-text>{{ product.name }}</mj-text>{% else %}<mj-text>None</mj-text>"
    save_block(key="rest", name="Rest", mjml=shelf + "{% endrecommendations %}")
    rules(otherwise={"show": "rest"})
    [customer] = people(1)
    prefer(customer, [products[2].pk])
    assert "Product 2" in get("content/hero", customer=customer.public_id)[2]["html"]
    assert "Product 0" in get("content/hero")[2]["html"]


def test_a_slot_that_no_rules_decide_is_not_found() -> None:
    status, kind, _ = get("content/footer")
    assert (status, kind) == (404, "application/problem+json")


def test_the_schema_describes_both_doors_without_a_warning() -> None:
    out = StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", "--format=openapi-json", stdout=out)
    paths = json.loads(out.getvalue())["paths"]
    assert {"/api/v1/content/{slot}", "/api/v1/customers/{public_id}/recommendations"} <= set(paths)
