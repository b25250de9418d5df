"""Everything that is known about a person, for that person: as JSON, or as a CSV file for each table."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field

from common.clock import now
from common.spreadsheets import defused
from customers.browsing import mail_answers
from customers.consent import answers
from customers.erasure import subject_of
from customers.models import Customer
from customers.policies import OnErasure, Policy, policies


def export_person(customer: Customer) -> dict[str, Any]:
    """Return what all tables hold about a customer, table by table with its reason, ready for JSON."""
    subject = subject_of(customer)
    tables = {
        policy.model: {"what": policy.why, "rows": _rows(policy, policy.of(subject).order_by("pk"))}
        for policy in policies()
        if policy.is_exported and policy.on_erasure != OnErasure.NOT_PERSONAL
    }
    exported = {
        "exported_at": now(),
        "allowed_now": {purpose.value: answer for purpose, answer in answers(customer).items()},
        "marketing_mail": mail_answers([customer])[customer.pk].label,
        "tables": {model: table for model, table in tables.items() if table["rows"]},
    }
    return dict(json.loads(json.dumps(exported, cls=_Encoder)))


def as_json(exported: dict[str, Any]) -> bytes:
    """The export as one readable JSON file."""
    return json.dumps(exported, indent=2, ensure_ascii=False).encode()


def as_zip(exported: dict[str, Any]) -> bytes:
    """The export as a zip of CSV files, one a table, beside the whole as JSON."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("everything.json", as_json(exported))
        for model, table in exported["tables"].items():
            archive.writestr(f"{model}.csv", _csv(table["rows"]))
    return buffer.getvalue()


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        """Bytes and what else JSON lacks, such as a time zone, as text."""
        if isinstance(o, bytes | memoryview):
            return bytes(o).decode("utf-8", "replace")
        try:
            return super().default(o)
        except TypeError:
            return str(o)


def _rows(policy: Policy, rows: Iterable[Any]) -> list[dict[str, Any]]:
    shown = [field for field in policy.table._meta.concrete_fields if field.attname not in policy.hides]
    return [{field.attname: _value(row, field) for field in shown} for row in rows]


def _value(row: Any, field: "Field[Any, Any]") -> Any:
    """The stored value; in words where it is one of a list of choices."""
    value = getattr(row, field.attname)
    return getattr(row, f"get_{field.name}_display")() if field.choices and value is not None else value


def _csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(rows[0])
    writer.writerows([defused(_cell(value)) for value in row.values()] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
