"""What a template sees of each customer: loaded for a whole chunk in a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings

from campaigns.dependencies import DependencyFailed, dependency
from common.clock import now
from customers.models import Customer, CustomerFacts
from products.models import Category, Product
from products.promotions import Offer, offer_for, running_offers

_CATEGORY_FACTS = {
    "last_purchase_category": "last_purchase_category_id",
    "last_session_category": "last_session_category_id",
}
_PRODUCT_FACTS = {
    "last_viewed_product": "last_viewed_product_id",
    "last_cart_product": "last_cart_product_id",
    "last_purchase_product": "last_purchase_product_id",
}
_PLAIN_FACTS = (
    "orders_count",
    "revenue_minor",
    "first_seen_at",
    "last_seen_at",
    "last_order_at",
    "last_purchase_at",
    "last_view_at",
    "last_cart_at",
)


@dataclass(frozen=True, slots=True)
class People:
    """The customers of a chunk with their facts, the names those facts refer to, and the promotions that run.

    `failed` names what could not be loaded: `facts`, `promotions`. The mails do without.
    """

    customers: dict[int, Customer]
    facts: dict[int, CustomerFacts]
    categories: dict[int, Category]
    products: dict[int, Product]
    offers: list[Offer]
    failed: tuple[str, ...] = ()

    def allows_profiling(self, customer_id: int) -> bool:
        """Whether what this customer did may decide what they see; of somebody unknown nothing is known anyway."""
        customer = self.customers.get(customer_id)
        return customer is None or customer.allows_profiling


def load_people(customer_ids: Sequence[int]) -> People:
    """Load customers with their nearest stores, facts, what these refer to, and running promotions.

    At most six queries for any number.
    """
    customers = Customer.objects.select_related("nearest_store").in_bulk(list(customer_ids))
    failed = []
    known = _Known({}, {}, {})
    try:
        with dependency("facts"):
            known = _load_facts(customer_ids)
    except DependencyFailed:
        failed.append("facts")
    offers: list[Offer] = []
    try:
        with dependency("promotions"):
            offers = running_offers(now())
    except DependencyFailed:
        failed.append("promotions")
    return People(customers, *known, offers, tuple(failed))


class _Known(NamedTuple):
    """Facts about customers, and what they refer to."""

    facts: dict[int, CustomerFacts]
    categories: dict[int, Category]
    products: dict[int, Product]


def _load_facts(customer_ids: Sequence[int]) -> _Known:
    facts = CustomerFacts.objects.in_bulk(list(customer_ids))
    categories = _referred(facts, _CATEGORY_FACTS.values())
    products = _referred(facts, _PRODUCT_FACTS.values())
    return _Known(
        facts,
        Category.objects.in_bulk(categories) if categories else {},
        Product.objects.select_related("category").in_bulk(products) if products else {},
    )


def context_for(people: People, customer_id: int) -> dict[str, Any]:
    """Return the plain data about one customer: facts and attributes by bare names, `customer`, and what is near.

    A name is only present when there is a value, so that `default:` and the slots' fallbacks take effect. An own
    attribute never hides a fact or a system name. There are no facts about who objects to profiling, and nothing
    but the time about an id of nobody.
    """
    context: dict[str, Any] = {}
    customer = people.customers.get(customer_id)
    if customer is not None:
        context |= customer.attributes
        facts = people.facts.get(customer_id) if customer.allows_profiling else None
        context |= _facts(people, facts) if facts else {}
        context["customer"] = _about(customer)
        context |= _nearby(people, customer)
    moment = now()
    context["now"], context["today"] = moment.isoformat(), moment.date().isoformat()
    return context


def _about(customer: Customer) -> dict[str, Any]:
    """Return what the customer told us."""
    names = ("first_name", "last_name", "email", "gender", "country", "region", "city", "locale")
    told = {name: value for name in names if (value := getattr(customer, name))}
    return told | {"id": str(customer.public_id), "attributes": customer.attributes}


def _nearby(people: People, customer: Customer) -> dict[str, Any]:
    """Return the nearest store, and the promotion that is on there; each only where there is one."""
    store = customer.nearest_store
    found: dict[str, Any] = {}
    if store is not None:
        km = customer.nearest_store_km
        found["nearest_store"] = store.as_context() | ({} if km is None else {"km": round(km)})
    promotion = offer_for(
        people.offers, country=customer.country, region=customer.region, nearest_store=store
    )
    return found | ({"promotion": promotion.as_context()} if promotion else {})


def absolute_product(product: Product) -> dict[str, Any]:
    """Return a product for a mail: its picture and page with this host's address in front where they are paths."""
    return absolute(product.as_context())


def absolute(shown: dict[str, Any]) -> dict[str, Any]:
    """Put this host's address in front of a product's picture and page where they are paths; return `shown`."""
    for name in ("url", "image_url"):
        if shown[name].startswith("/"):
            shown[name] = settings.BASE_URL + shown[name]
    return shown


def _facts(people: People, facts: CustomerFacts) -> dict[str, Any]:
    """Return the facts that have a value, ids turned into names."""
    found: dict[str, Any] = {
        name: _plain(value) for name in _PLAIN_FACTS if (value := getattr(facts, name)) is not None
    }
    for name, column in _CATEGORY_FACTS.items():
        if (category := people.categories.get(getattr(facts, column))) is not None:
            found[name], found[f"{name}_path"] = _root(category.path), category.path
    for name, column in _PRODUCT_FACTS.items():
        if (product := people.products.get(getattr(facts, column))) is not None:
            found[name] = absolute_product(product)
    viewed = found.get("last_viewed_product")
    if viewed and viewed["category"]:
        path = viewed["category"]
        found["last_viewed_category"], found["last_viewed_category_path"] = _root(path), path
    return found


def _plain(value: Any) -> Any:
    """A moment as text, as `now` is: contexts are kept as JSON, and a mail made of one is made again the same."""
    return value.isoformat() if isinstance(value, datetime) else value


def _root(path: str) -> str:
    """Return the top of a category's path: a template asks for `outdoor`, not for every tent in it."""
    return path.partition("/")[0]


def _referred(facts: dict[int, CustomerFacts], columns: Any) -> set[int]:
    columns = tuple(columns)
    return {value for one in facts.values() for column in columns if (value := getattr(one, column))}
