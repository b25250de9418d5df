"""What the tables of this app hold about people (see `customers.policies`)."""

import re

from django.contrib.postgres.functions import RandomUUID
from django.db.models import Case, Q, TextField, Value, When
from django.db.models.functions import Cast, Now, TruncMonth

from customers.models import Event, Reconciliation, SyncRun
from customers.naming_cells import quarantined_about
from customers.policies import OnErasure, Policy, Subject, columns, erased_name, not_personal


def _own_keys(subject: Subject) -> Q:
    events = Event.objects.filter(customer_id__in=subject.customer_ids)
    return Q(message_id__in=events.values("message_id"))


def _runs(subject: Subject) -> set[int]:
    """Runs whose range of keys ends with one of the person's; whoever shares a short number loses no more than that."""
    keys = Q(first_key__regex=subject.key_pattern) | Q(last_key__regex=subject.key_pattern)
    return set(SyncRun.objects.filter(keys).values_list("pk", flat=True))


def _reconciliations(subject: Subject) -> set[int]:
    """Comparisons that show a key of the person's among the rows that one side lacks."""
    pattern = re.compile(subject.key_pattern)
    shown = Reconciliation.objects.exclude(result={}).values_list("pk", "result")
    return {pk for pk, result in shown if any(map(pattern.search, result.get("not_stored_keys", ())))}


_BEHAVIOUR = (
    "first_seen_at last_seen_at views_count last_view_at last_viewed_product_id last_session_category_id carts_count"
    " last_cart_at last_cart_product_id last_purchase_at last_purchase_product_id last_purchase_category_id"
    " units_count emails_sent_count last_sent_at opens_count last_open_at clicks_count last_click_at"
)
_MONEY = "orders_count first_order_at last_order_at revenue_minor refunds_count refunded_minor"


def _merges(subject: Subject, prefix: str = "") -> Q:
    return Q(**{f"{prefix}survivor__in": subject.customer_ids}) | Q(
        **{f"{prefix}absorbed__in": subject.customer_ids}
    )


def _pairs(subject: Subject) -> Q:
    return Q(first__in=subject.customer_ids) | Q(second__in=subject.customer_ids)


POLICIES = [
    Policy(
        model="customers.QuarantinedRow",
        why="A row of a source that was refused, as it came, with whatever it says about whomever.",
        on_erasure=OnErasure.DELETED,
        searched=("raw",),
        finds=quarantined_about,
    ),
    Policy(
        model="customers.Reconciliation",
        why="A comparison of a source with what is stored; it names rows that one side lacks.",
        on_erasure=OnErasure.EMPTIED,
        searched=("result", "error"),
        finds=_reconciliations,
        empties={"result": {}, "error": "Emptied, because it named somebody who was erased."},
        is_exported=False,
    ),
    Policy(
        model="customers.Alert",
        why="What colleagues had to hear of; its words may quote a row.",
        on_erasure=OnErasure.EMPTIED,
        searched=("title", "body"),
        empties={"title": "An alert that named somebody who was erased", "body": ""},
        is_exported=False,
    ),
    Policy(
        model="customers.OptIn",
        why="An address typed into a form that waits for its confirmation.",
        on_erasure=OnErasure.DELETED,
        rows=lambda subject: Q(email__in=subject.emails),
    ),
    Policy(
        model="customers.PrivacyRequest",
        why="That a right was used, and when it was done, must be shown to a supervisor; whose it was need not.",
        on_erasure=OnErasure.EMPTIED,
        path="customer_id",
        rows=lambda subject: Q(contact__in=subject.emails),
        empties={"customer_id": None, "contact": "", "note": ""},
        keeps=columns("kind state source received_at due_at closed_at closed_by_id"),
        hides=columns("closed_by_id"),
    ),
    Policy(
        model="customers.EventKey",
        why="The ledger of an event's id, by which its source could find it.",
        on_erasure=OnErasure.DELETED,
        rows=_own_keys,
        is_exported=False,
    ),
    Policy(
        model="customers.Event",
        why="What was done is counted on; what was said with it and every id of it goes.",
        on_erasure=OnErasure.EMPTIED,
        path="customer_id",
        empties={"message_id": RandomUUID(), "session": None, "properties": None},
        keeps=columns(
            "occurred_at received_at customer_id type product_id category_id order_id quantity value_minor currency"
            " source"
        ),
    ),
    Policy(
        model="customers.OrderLine",
        why="What was sold for how much; words and ids of the shop go.",
        on_erasure=OnErasure.EMPTIED,
        path="order__customer_id",
        empties={"line": Cast("id", TextField()), "description": ""},
        keeps=columns("order_id product_id quantity unit_price_minor total_minor"),
    ),
    Policy(
        model="customers.Refund",
        why="Money given back stays in the sums; the shop's id of it goes.",
        on_erasure=OnErasure.EMPTIED,
        path="customer_id",
        empties={"external_id": erased_name(), "order_name": "", "rest_key": None},
        keeps=columns(
            "source customer_id order_id refunded_at currency amount_minor created_at told_by told_rank"
        ),
    ),
    Policy(
        model="customers.Order",
        why="Revenue must be kept for the books; the shop's order number, which leads to the person, goes.",
        on_erasure=OnErasure.EMPTIED,
        path="customer_id",
        empties={"external_id": erased_name()},
        keeps=columns(
            "told_by told_rank source customer_id placed_at currency total_minor refunded_minor created_at"
            " is_placed_told"
        ),
    ),
    Policy(
        model="customers.CustomerFacts",
        why="Counts and sums that a rebuild from what is left must give again.",
        on_erasure=OnErasure.KEPT,
        path="customer_id",
        keeps=columns(f"customer_id {_BEHAVIOUR} {_MONEY}"),
    ),
    Policy(
        model="customers.FactsBaseline",
        why="The same counts of events that were dropped as too old.",
        on_erasure=OnErasure.KEPT,
        path="customer_id",
        keeps=columns(f"customer_id {_BEHAVIOUR}"),
    ),
    Policy(
        model="customers.Score",
        why="What a formula or model said about the person.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
        is_profile=True,
    ),
    Policy(
        model="customers.Assignment",
        why="Which arm of an experiment: without it the experiment's counts would not add up.",
        on_erasure=OnErasure.KEPT,
        path="customer_id",
        keeps=columns("customer_id experiment_key variant_key assigned_at"),
    ),
    Policy(
        model="customers.Touched",
        why="News that this person changed.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
        is_exported=False,
    ),
    Policy(
        model="customers.DuplicatePair",
        why="Who may be the same person, and what told.",
        on_erasure=OnErasure.DELETED,
        rows=_pairs,
        hides=columns("decided_by_id"),
    ),
    Policy(
        model="customers.MergedRow",
        why="Which rows a merge moved, with what was in them.",
        on_erasure=OnErasure.DELETED,
        rows=lambda subject: _merges(subject, "merge__"),
    ),
    Policy(
        model="customers.Merge",
        why="Which profiles turned out to be one person, and what told.",
        on_erasure=OnErasure.DELETED,
        rows=_merges,
        hides=columns("merged_by_id undone_by_id"),
    ),
    Policy(
        model="customers.ConsentRecord",
        why="What was allowed, when and how that came about.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="customers.Consent",
        why="What is allowed now.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="customers.CustomerIdentity",
        why="The ids that sources have for the person; their keyed hashes stay, so that they stay erased.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="customers.Customer",
        why="A number that orders and counts hang on; nothing leads from it to the person.",
        on_erasure=OnErasure.EMPTIED,
        path="pk",
        empties={
            "public_id": RandomUUID(),
            "email": None,
            **dict.fromkeys(
                (
                    "first_name",
                    "last_name",
                    "gender",
                    "country",
                    "region",
                    "city",
                    "locale",
                    "device",
                    "stage",
                ),
                "",
            ),
            "birth_date": None,
            "timezone": None,
            "signed_up_at": None,
            "stage_since": None,
            "nearest_store_id": None,
            "nearest_store_km": None,
            "attributes": {},
            "traits_at": {},
            "is_anonymous": True,
            "allows_profiling": False,
            "do_not_sell": True,
            "erased_at": Now(),
            "created_at": TruncMonth("created_at"),
            "updated_at": Now(),
        },
        keeps=columns("source merged_into_id"),
        hides=columns("erased_at"),
    ),
    Policy(
        model="customers.SyncRun",
        why="Books of imports; the text of an error may quote a row, the first and last key may be an order's.",
        on_erasure=OnErasure.EMPTIED,
        searched=("error",),
        finds=_runs,
        empties={
            "error": Case(
                When(error="", then=Value("")),
                default=Value("Emptied, because it named somebody who was erased."),
            ),
            "first_key": "",
            "last_key": "",
        },
        is_exported=False,
    ),
    Policy(
        model="customers.PeopleImport",
        why="An imported list; what the check found shows rows as examples.",
        on_erasure=OnErasure.EMPTIED,
        searched=("report", "file", "error"),
        empties={"report": {}, "file": {}, "error": ""},
        is_exported=False,
    ),
    *not_personal(
        "customers.AlertSubscription",
        "customers.DataSource",
        "customers.EventHook",
        "customers.EventName",
        "customers.ExchangeRate",
        "customers.ExpiredEvents",
        "customers.FieldUse",
        "customers.HealthFigures",
        why="Settings, names and counts of all customers together.",
    ),
    *not_personal(
        "customers.ConsentText",
        "customers.SourcePolicy",
        why="Wordings, and what sources' words are worth.",
    ),
    *not_personal(
        "customers.Suppression",
        "customers.Tombstone",
        "customers.ErasureReceipt",
        why="Keyed hashes and counts: kept so that nobody is written to or comes back by accident.",
    ),
]
