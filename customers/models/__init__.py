"""Who the customers are, what they did, what they allowed, and what is derived from it."""

from customers.models.consent import Consent, Suppression
from customers.models.customer import Customer, CustomerIdentity
from customers.models.derived import Assignment, CustomerFacts, Score, Touched
from customers.models.duplicate import DuplicatePair, SourcePolicy
from customers.models.event import Event, EventKey, EventType
from customers.models.merge import Merge, MergedRow
from customers.models.order import Order, OrderLine, Refund
from customers.models.people import PeopleImport
from customers.models.sync import SyncRun

__all__ = [
    "Assignment",
    "Consent",
    "Customer",
    "CustomerFacts",
    "CustomerIdentity",
    "DuplicatePair",
    "Event",
    "EventKey",
    "EventType",
    "Merge",
    "MergedRow",
    "Order",
    "OrderLine",
    "PeopleImport",
    "Refund",
    "Score",
    "SourcePolicy",
    "Suppression",
    "SyncRun",
    "Touched",
]
