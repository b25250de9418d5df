"""Every table and column that could be about a person is declared: copied, emptied, deleted, or kept for a reason."""

import pytest
from django.apps import apps
from django.db.models import Model

from customers.models import Customer
from customers.policies import OnErasure, Policy, policies

ALL = {policy.model.lower(): policy for policy in policies()}
MODELS = {model._meta.label_lower: model for model in apps.get_models(include_auto_created=True)}
TELLING = {
    "email",
    "recipient",
    "contact",
    "first_name",
    "last_name",
    "phone",
    "address",
    "raw",
    "user_agent",
}
OURS = {"accounts.user", "delivery.sender"}
"""Addresses of colleagues and senders, not of customers."""


def about_customers() -> set[str]:
    """Models from which a foreign key, directly or through others, leads to a customer."""
    found = {Customer._meta.label_lower}
    while True:
        more = {label for label, model in MODELS.items() if found & targets(model)} - found
        if not more:
            return found
        found |= more


def targets(model: type[Model]) -> set[str]:
    return {
        field.related_model._meta.label_lower
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is not None
    }


def test_every_table_has_a_policy_and_every_policy_a_table() -> None:
    assert set(ALL) == set(MODELS)
    assert len(ALL) == len(list(policies()))


def test_no_table_that_leads_to_a_customer_is_called_impersonal() -> None:
    wrong = [label for label in about_customers() if ALL[label].on_erasure == OnErasure.NOT_PERSONAL]
    assert wrong == []


@pytest.mark.parametrize("policy", ALL.values(), ids=list(ALL))
def test_every_column_is_accounted_for(policy: Policy) -> None:
    columns = {field.attname for field in policy.table._meta.concrete_fields} - {"id", "pk"}
    telling = {name for name in columns if name in TELLING}
    is_free_text_only = policy.is_searched and not policy.path and policy.rows is None
    if policy.on_erasure in (OnErasure.EMPTIED, OnErasure.KEPT) and not is_free_text_only:
        assert set(policy.empties) | policy.keeps == columns
        assert not set(policy.empties) & policy.keeps
        assert not telling & policy.keeps
    elif policy.on_erasure == OnErasure.NOT_PERSONAL:
        assert not telling or policy.model.lower() in OURS


@pytest.mark.parametrize("policy", ALL.values(), ids=list(ALL))
def test_every_policy_says_why_and_finds_its_rows(policy: Policy) -> None:
    assert len(policy.why) >= 8
    if policy.on_erasure != OnErasure.NOT_PERSONAL:
        assert policy.path or policy.rows or policy.is_searched


def test_what_a_copy_does_not_show_is_listed_here() -> None:
    hidden = {policy.model: set(policy.hides) for policy in ALL.values() if policy.hides}
    uncopied = {
        policy.model
        for policy in ALL.values()
        if not policy.is_exported and policy.on_erasure != OnErasure.NOT_PERSONAL
    }
    assert hidden == {
        "customers.PrivacyRequest": {"closed_by_id"},
        "customers.Customer": {"erased_at"},
        "customers.DuplicatePair": {"decided_by_id"},
        "customers.Merge": {"merged_by_id", "undone_by_id"},
        "accounts.AuditEntry": {"user_id", "detail"},
        "admin.LogEntry": {"user_id", "change_message", "content_type_id"},
        "delivery.MailboxMessage": {"raw"},
        "delivery.Message": {"raw"},
    }
    assert uncopied == {
        "customers.EventKey",
        "customers.Touched",
        "customers.SyncRun",
        "customers.PeopleImport",
        "customers.Reconciliation",
        "customers.Alert",
    }
