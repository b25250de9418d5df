"""The names that a template may use, each with a sample for previews without a customer."""

from collections.abc import Collection

SAMPLES: dict[str, object] = {
    "customer.first_name": "Ann",
    "customer.last_name": "Lee",
    "customer.email": "ann@example.com",
    "customer.country": "GB",
    "customer.region": "Cumbria",
    "customer.city": "Keswick",
    "customer.locale": "en",
    "customer.gender": "female",
    "customer.id": "5f0c4b7e-0000-4000-8000-000000000000",
    "nearest_store.id": "S1",
    "nearest_store.name": "Northwind Keswick",
    "nearest_store.km": 4,
    "nearest_store.street": "1 Lake Road",
    "nearest_store.postal_code": "CA12 5BX",
    "nearest_store.city": "Keswick",
    "nearest_store.region": "Cumbria",
    "nearest_store.country": "GB",
    "nearest_store.url": "https://shop.example/stores/keswick",
    "nearest_store.opening_hours": "Mon–Sat 9–18",
    "promotion.key": "boots-week",
    "promotion.name": "Boots week",
    "promotion.headline": "20 % off all boots this week",
    "promotion.text": "Come in and have them fitted.",
    "promotion.url": "https://shop.example/boots",
    "promotion.code": "BOOTS20",
    "promotion.ends_on": "2026-03-08",
    "sender.name": "Northwind Outdoor",
    "sender.postal_address": "1 Lake Road, Keswick CA12 5BX",
    "campaign.name": "Spring",
    "unsubscribe_url": "https://shop.example/unsubscribe",
    "preferences_url": "https://shop.example/preferences",
    "now": "2026-03-01T12:00:00Z",
    "today": "2026-03-01",
}

# Facts about the customer, readable by their bare names. A category is the top of its path, as `outdoor`;
# with `_path` it is the whole, as `outdoor/camping/tents`.
FACTS = (
    "orders_count",
    "revenue_minor",
    "first_seen_at",
    "last_seen_at",
    "last_order_at",
    "last_purchase_at",
    "last_view_at",
    "last_cart_at",
    "last_purchase_category",
    "last_session_category",
    "last_viewed_category",
    "last_purchase_category_path",
    "last_session_category_path",
    "last_viewed_category_path",
    "last_viewed_product.*",
    "last_cart_product.*",
    "last_purchase_product.*",
)

KNOWN = frozenset(SAMPLES) | frozenset(FACTS) | {"customer.attributes.*", "recommendations.*", "slots.*"}


def is_known(path: str, known: Collection[str]) -> bool:
    """Say whether a path like `customer.first_name` is among `known`, where `x.*` stands for all below x.

    What known paths lead through is known too: `{% if nearest_store %}`.
    """
    if path in known or any(one.startswith(f"{path}.") for one in known):
        return True
    parts = path.split(".")
    return any(".".join([*parts[:end], "*"]) in known for end in range(1, len(parts)))
