"""A small shop with two tastes: even customers buy camping gear, odd ones climbing gear."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from customers.models import Customer, Event, EventType, Order, OrderLine, Refund
from customers.partitions import ensure_partitions
from products.models import Category, Product

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HISTORY_DAYS = 120


@dataclass
class Shop:
    """Customers and products in the order of their making."""

    customers: list[Customer]
    products: list[Product]
    now: datetime = NOW


def order(customer: Customer, product: Product, at: datetime, *, quantity: int = 1) -> Order:
    """One order of one product."""
    placed = Order.objects.create(
        source="shop",
        external_id=f"{customer.pk}-{product.pk}-{at.isoformat()}",
        customer=customer,
        placed_at=at,
        currency="EUR",
        total_minor=product.price_minor * quantity,
    )
    OrderLine.objects.create(
        order=placed,
        line="1",
        product=product,
        quantity=quantity,
        unit_price_minor=product.price_minor,
        total_minor=product.price_minor * quantity,
    )
    return placed


def refund(placed: Order, at: datetime, *, amount_minor: int | None = None) -> None:
    """Money given back for an order, all of it unless said otherwise."""
    amount = placed.total_minor if amount_minor is None else amount_minor
    given = {"currency": placed.currency, "amount_minor": amount, "refunded_at": at}
    Refund.objects.create(
        source="shop", external_id=f"r{placed.pk}", customer=placed.customer, order=placed, **given
    )
    Order.objects.filter(pk=placed.pk).update(refunded_minor=amount)


def view(customer: Customer, product: Product, at: datetime) -> Event:
    """One view of a product."""
    ensure_partitions(at, at)
    return Event.objects.create(
        message_id=f"{customer.pk:08d}-0000-4000-8000-{product.pk:012d}",
        occurred_at=at,
        customer=customer,
        type=EventType.PRODUCT_VIEWED,
        product_id=product.pk,
        source="shop",
    )


def make_catalogue(size: int) -> list[Product]:
    """Half camping, half climbing."""
    paths = ("camping", "climbing")
    categories = [Category.objects.create(name=path.title(), path=path) for path in paths]
    return Product.objects.bulk_create(
        Product(
            source="shop",
            external_id=f"p{number}",
            name=f"Product {number}",
            category=categories[number * 2 // size],
            price_minor=1_000 + 100 * number,
            currency="EUR",
        )
        for number in range(size)
    )


@pytest.fixture
def small_shop(db: None) -> Shop:
    """Four customers of two countries and six products, nothing bought yet."""
    customers = Customer.objects.bulk_create(
        Customer(email=f"c{n}@example.com", country=("GB", "FR")[n % 2]) for n in range(4)
    )
    return Shop(customers, make_catalogue(6))


@pytest.fixture
def shop(db: None) -> Shop:
    """120 customers with about 14 orders each over 120 days, 40 products."""
    generator = np.random.default_rng(11)
    customers = Customer.objects.bulk_create(
        Customer(
            email=f"c{n}@example.com", country=("GB", "FR")[n % 2], gender=("female", "male")[n % 3 == 0]
        )
        for n in range(120)
    )
    products = make_catalogue(40)
    bought = [
        (customer, products[20 * (n % 2) + int(generator.integers(20))], int(day))
        for n, customer in enumerate(customers)
        for day in generator.choice(HISTORY_DAYS, 14, replace=False)
    ]
    _bulk_orders(bought)
    return Shop(customers, products)


@pytest.fixture(autouse=True)
def models_dir(settings: Settings, tmp_path: Path) -> Path:
    """Keep artefacts out of the installation's folder."""
    settings.MODELS_DIR = tmp_path / "models"
    return settings.MODELS_DIR


def _bulk_orders(bought: list[tuple[Customer, Product, int]]) -> None:
    orders = Order.objects.bulk_create(
        Order(
            source="shop",
            external_id=str(number),
            customer=customer,
            placed_at=NOW - timedelta(days=day + 0.5),
            currency="EUR",
            total_minor=product.price_minor,
        )
        for number, (customer, product, day) in enumerate(bought)
    )
    OrderLine.objects.bulk_create(
        OrderLine(
            order=placed,
            line="1",
            product=product,
            quantity=1,
            unit_price_minor=product.price_minor,
            total_minor=product.price_minor,
        )
        for placed, (_, product, _) in zip(orders, bought, strict=True)
    )
