"""Who the customers are, what they did, what they allowed, and what is derived from it."""

from customers.models.consent import Consent, ConsentRecord, ConsentText, OptIn, Purpose, Suppression
from customers.models.customer import Customer, CustomerIdentity
from customers.models.derived import Assignment, CustomerFacts, FactsBaseline, Score, Touched
from customers.models.duplicate import DuplicatePair, SourcePolicy
from customers.models.event import Event, EventKey, EventType, ExpiredEvents
from customers.models.merge import Merge, MergedRow
from customers.models.money import ExchangeRate
from customers.models.order import Order, OrderLine, Refund
from customers.models.people import PeopleImport
from customers.models.quality import (
    Alert,
    AlertSubscription,
    DataSource,
    FieldUse,
    HealthFigures,
    QuarantinedRow,
    Reconciliation,
)
from customers.models.rights import ErasureReceipt, PrivacyRequest, Tombstone
from customers.models.sync import SyncRun
from customers.models.tracking import EventHook, EventName

__all__ = [
    "Alert",
    "AlertSubscription",
    "Assignment",
    "Consent",
    "ConsentRecord",
    "ConsentText",
    "Customer",
    "CustomerFacts",
    "CustomerIdentity",
    "DataSource",
    "DuplicatePair",
    "ErasureReceipt",
    "Event",
    "EventHook",
    "EventKey",
    "EventName",
    "EventType",
    "ExchangeRate",
    "ExpiredEvents",
    "FactsBaseline",
    "FieldUse",
    "HealthFigures",
    "Merge",
    "MergedRow",
    "OptIn",
    "Order",
    "OrderLine",
    "PeopleImport",
    "PrivacyRequest",
    "Purpose",
    "QuarantinedRow",
    "Reconciliation",
    "Refund",
    "Score",
    "SourcePolicy",
    "Suppression",
    "SyncRun",
    "Tombstone",
    "Touched",
]
