"""Who of a real shop's customers buys in the last twelve weeks, from the product's own features."""

import csv
import gzip
import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from customers.models import Customer, Order, Refund
from products.models import Product
from recommendations.predictions.features import read_features
from recommendations.predictions.methods.classification import compete
from recommendations.predictions.methods.validation import shuffled_folds
from recommendations.predictions.targets import Target, read_outcomes

FILE = Path(__file__).resolve().parents[4] / "shared" / "data" / "online_retail.csv.gz"
CUT_OFF = datetime(2011, 9, 17, tzinfo=UTC)
BUYS = Target(kind="buys", label="Buys", question="In 12 weeks?", days=84, event="order")


@pytest.fixture
def online_retail(db: None) -> None:
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/online_retail.csv.gz is absent: no prediction was made of real orders")
    invoices: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(FILE, "rt") as lines:
        for row in csv.DictReader(lines):
            if row["CustomerID"] and (row["Quantity"].startswith("-") or float(row["UnitPrice"]) > 0):
                invoices[row["InvoiceNo"]].append(row)
    codes = sorted({row["StockCode"] for rows in invoices.values() for row in rows})
    products = {
        one.external_id: one
        for one in Product.objects.bulk_create(
            Product(source="retail", external_id=code, name=code, price_minor=100, currency="EUR")
            for code in codes
        )
    }
    names = {row["CustomerID"]: row["Country"] for rows in invoices.values() for row in rows}
    people = Customer.objects.bulk_create(
        Customer(email=f"{name}@example.com", country="GB" if country == "United Kingdom" else "XX")
        for name, country in names.items()
    )
    by_name = dict(zip(names, people, strict=True))
    orders, lines_of, refunds = [], [], []
    for invoice, rows in invoices.items():
        at = datetime.fromisoformat(rows[0]["InvoiceDate"]).replace(tzinfo=UTC)
        minor = [round(float(row["UnitPrice"]) * 100) * int(row["Quantity"]) for row in rows]
        common = {
            "source": "retail",
            "external_id": invoice,
            "customer": by_name[rows[0]["CustomerID"]],
            "currency": "EUR",
        }
        if invoice.startswith("C"):
            refunds.append(Refund(**common, refunded_at=at, amount_minor=-sum(minor)))
            continue
        orders.append(Order(**common, placed_at=at, total_minor=sum(minor)))
        lines_of += [
            (len(orders) - 1, str(number), products[row["StockCode"]].pk, int(row["Quantity"]), total)
            for number, (row, total) in enumerate(zip(rows, minor, strict=True))
        ]
    Order.objects.bulk_create(orders, batch_size=5000)
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY customers_orderline (order_id, line, product_id, quantity, total_minor,"
            " unit_price_minor, description) FROM STDIN"
        ) as copy,
    ):
        for at, line, product, quantity, total in lines_of:
            copy.write_row((orders[at].pk, line, product, quantity, total, 100, ""))
    Refund.objects.bulk_create(refunds, batch_size=5000)


@pytest.mark.shared_data
@pytest.mark.long
@pytest.mark.usefixtures("online_retail")
def test_purchases_in_twelve_weeks_are_predicted() -> None:
    known = read_features(as_of=CUT_OFF)
    bought = read_outcomes(BUYS, known, as_of=CUT_OFF)
    competition = compete(known.table, bought, shuffled_folds(bought.astype(int)))
    champion = competition.judged[competition.champion].metrics
    assert len(known.customers) > 3400
    assert champion.auc >= 0.74
    assert champion.calibration_error < 0.05
