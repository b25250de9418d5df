"""Who the customers are, what they did, what they allowed, and what is derived from it."""

from customers.models.consent import Consent, Suppression
from customers.models.customer import Customer, CustomerIdentity
from customers.models.derived import Assignment, CustomerFacts, Score, Touched
from customers.models.duplicate import DuplicatePair, SourcePolicy
from customers.models.event import Event, EventKey, EventType
from customers.models.merge import Merge, MergedRow
from customers.models.order import Order, OrderLine, Refund
from customers.models.quality import (
    Alert,
    AlertSubscription,
    DataSource,
    FieldUse,
    HealthFigures,
    QuarantinedRow,
    Reconciliation,
)
from customers.models.sync import SyncRun

__all__ = [
    "Alert",
    "AlertSubscription",
    "Assignment",
    "Consent",
    "Customer",
    "CustomerFacts",
    "CustomerIdentity",
    "DataSource",
    "DuplicatePair",
    "Event",
    "EventKey",
    "EventType",
    "FieldUse",
    "HealthFigures",
    "Merge",
    "MergedRow",
    "Order",
    "OrderLine",
    "QuarantinedRow",
    "Reconciliation",
    "Refund",
    "Score",
    "SourcePolicy",
    "Suppression",
    "SyncRun",
    "Touched",
]
