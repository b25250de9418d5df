"""One batch of people against those who are known: judged in one statement, then stored by a few.

The judgement alone is the dry run; a real run does what was judged. Cells that are blank erase nothing.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection
from django.db.models import NOT_PROVIDED

from common.clock import now
from customers import consent
from customers.address_changes import EMAIL_AT
from customers.importing.people.mapping import PeopleMapping
from customers.importing.people.parsing import Parsed
from customers.merging import lock_makers
from customers.models import Customer, CustomerIdentity
from customers.models.duplicate import SourcePolicy
from customers.profiles import COLUMNS, DATES
from customers.tombstones import key_hash_sql

_TYPES = {**dict.fromkeys(COLUMNS, "text"), **DATES, "attributes": "jsonb", "consent": "bool"}
_STAGE = {"position": "int4", "email": "text", "external_id": "text", **_TYPES, "is_repeat": "bool"}
_JUDGED = {**_STAGE, "customer_id": "int8", "verdict": "text"}
_CREATE = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS people_stage"
    f" ({', '.join(f'{name} {type}' for name, type in _STAGE.items())}) ON COMMIT DELETE ROWS;"
    "CREATE TEMPORARY TABLE IF NOT EXISTS people_judged"
    f" ({', '.join(f'{name} {type}' for name, type in _JUDGED.items())}) ON COMMIT DELETE ROWS;"
)
# For the judgement alone: two lists that are joined by nothing but a loop take the product of their lengths.
_BY_INDEX = "SET LOCAL enable_hashjoin = {0}; SET LOCAL enable_mergejoin = {0}"
# k is whom the id leads to, c whom the address leads to: of the two rows one is NULL, or both are the same.
# LATERAL with LIMIT looks each row up by index; a planner that knows nothing of the batch might do anything else.
_JUDGE = """
INSERT INTO people_judged ({columns}, customer_id, verdict)
SELECT {columns}, CASE WHEN verdict = 'new' THEN {new_id} ELSE customer_id END,
  CASE WHEN verdict IN ('updated', 'unchanged')
    AND row_number() OVER (PARTITION BY customer_id ORDER BY position) > 1 THEN 'duplicate' ELSE verdict END
FROM (
  SELECT s.*, coalesce(k.id, c.id) AS customer_id, CASE
    WHEN (SELECT EXISTS (SELECT FROM customers_tombstone)) AND EXISTS (
      SELECT FROM customers_tombstone WHERE key_hash IN ({hashes})) THEN 'customer_erased'
    WHEN k.id <> c.id THEN 'address_belongs_to_somebody_else'
    WHEN c.id IS NULL AND k.email <> s.email THEN 'id_has_another_address'
    WHEN k.id IS NULL AND o.customer_id IS NOT NULL THEN 'address_has_another_id'
    WHEN k.id IS NULL AND c.id IS NOT NULL AND s.external_id IS NOT NULL AND %(keeps_apart)s
      THEN 'address_is_of_another_source'
    WHEN coalesce(k.id, c.id) IS NULL THEN 'new'
    WHEN %(leaves)s THEN 'skipped'
    WHEN {differs} THEN 'updated' ELSE 'unchanged' END AS verdict
  FROM people_stage s
  LEFT JOIN LATERAL (SELECT customer_id FROM customers_customeridentity
    WHERE namespace = %(source)s AND value = s.external_id LIMIT 1) i ON true
  LEFT JOIN LATERAL (SELECT * FROM customers_customer WHERE id = i.customer_id LIMIT 1) k ON true
  LEFT JOIN LATERAL (SELECT * FROM customers_customer WHERE id = coalesce(
    (SELECT id FROM customers_customer WHERE email = s.email),
    (SELECT customer_id FROM customers_customeridentity WHERE namespace = %(addresses)s AND value = s.email)
  ) LIMIT 1) c ON true
  LEFT JOIN LATERAL (SELECT customer_id FROM customers_customeridentity
    WHERE s.external_id IS NOT NULL AND customer_id = c.id AND namespace || '' = %(source)s LIMIT 1) o ON true
  WHERE NOT s.is_repeat
) judged
"""
_HASHES = ", ".join(
    key_hash_sql(namespace, value).replace("%s", "%(hash_key)s")
    for namespace, value in (("%(source)s", "s.external_id"), ("%(addresses)s", "s.email"))
)
_STORED = ("new", "updated", "unchanged")
# Who agrees for a further address of theirs has not agreed for the one that mail goes to.
_IS_WRITTEN_TO = (
    "(verdict = 'new' OR NOT EXISTS (SELECT FROM customers_customeridentity"
    f" WHERE namespace = '{CustomerIdentity.EMAIL}' AND value = people_judged.email))"
)


class Outcome(msgspec.Struct):
    """What becomes of a batch: rows new, updated, unchanged or skipped; the others as (position, reason)."""

    stored: Counter[str]
    refused: list[tuple[int, str]]
    consents_granted: int = 0
    consents_withdrawn: int = 0


class Judge:
    """Judges and stores the batches of one file. All methods belong in the batch's transaction."""

    def __init__(self, mapping: PeopleMapping, columns: Sequence[str]) -> None:
        self._mapping = mapping
        self._columns = list(columns)
        self._profile = [name for name in columns if name not in ("consent", "attributes")]
        self._given = [*self._profile, *(["attributes"] if "attributes" in columns else [])]
        self._told_at = now().timestamp()
        self._parameters: dict[str, str | bool] = {
            "hash_key": settings.SUPPRESSION_KEY,
            "source": mapping.source,
            "addresses": CustomerIdentity.EMAIL,
            "leaves": mapping.existing == "leave",
            "keeps_apart": SourcePolicy.objects.filter(
                source=mapping.source, attaches_by_email=False
            ).exists(),
        }

    def judge(self, people: Sequence[tuple[int, Parsed, bool]], *, new_id: str = "NULL::int8") -> Outcome:
        """Copy the batch (position, row, whether it repeats an earlier one) into a temporary table and judge it.

        Nothing but the temporary tables of `prepare` is written: a read-only transaction will do.
        """
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM people_stage; DELETE FROM people_judged")
            names = ["position", "email", "external_id", *self._columns, "is_repeat"]
            with cursor.copy(f"COPY people_stage ({', '.join(names)}) FROM STDIN") as copy:
                for position, row, is_repeat in people:
                    copy.write_row((position, row.email, row.external_id, *row.values, is_repeat))
            cursor.execute(_BY_INDEX.format("off"))
            cursor.execute(
                _JUDGE.format(
                    columns=", ".join(_STAGE), differs=self._differs(), new_id=new_id, hashes=_HASHES
                ),
                self._parameters,
            )
            cursor.execute(_BY_INDEX.format("on"))
            cursor.execute("SELECT verdict, count(*) FROM people_judged GROUP BY verdict")
            counts = Counter(dict(cursor.fetchall()))
            cursor.execute(
                "SELECT position, verdict FROM people_judged WHERE verdict <> ALL(%s)",
                [[*_STORED, "skipped"]],
            )
            refused = cursor.fetchall()
        refused += [(position, "duplicate") for position, _, is_repeat in people if is_repeat]
        stored = {verdict: counts[verdict] for verdict in (*_STORED, "skipped")}
        return Outcome(stored=Counter(stored), refused=refused)

    def store(self, people: Sequence[tuple[int, Parsed, bool]], *, consent_source: str) -> Outcome:
        """Judge the batch and store what was judged, with identities and consents.

        The makers of customers take turns, so that ingest and imports never make one person twice.
        """
        lock_makers()
        outcome = self.judge(people, new_id="nextval('customers_customer_id_seq')")
        self._make()
        self._change()
        self._attach()
        self._consent(people, outcome, consent_source)
        return outcome

    def _differs(self) -> str:
        """Whether a known customer's row would change: SQL over s, k and c."""
        parts = [f"s.{name} <> coalesce(k.{name}, c.{name})" for name in self._profile if name in COLUMNS]
        parts += [
            f"(s.{name} IS NOT NULL AND s.{name} IS DISTINCT FROM coalesce(k.{name}, c.{name}))"
            for name in self._profile
            if name in DATES or name == "timezone"
        ]
        if "attributes" in self._columns:
            parts.append("NOT coalesce(k.attributes, c.attributes) @> s.attributes")
        parts += ["(k.id IS NOT NULL AND k.email IS NULL AND s.email IS NOT NULL)"]
        parts += ["(k.id IS NULL AND s.external_id IS NOT NULL)"]
        return f"({' OR '.join(parts)})"

    def _times(self) -> str:
        """When each field was told, as `Customer.traits_at` has it: SQL over s."""
        times = [
            f"'{name}', CASE WHEN s.{name} IS NOT NULL THEN {self._told_at} END" for name in self._profile
        ]
        told = f"jsonb_strip_nulls(jsonb_build_object({', '.join(times)}))"
        if "attributes" not in self._columns:
            return told
        own = f"jsonb_object_agg('attributes.' || key, {self._told_at})"
        return f"({told} || coalesce((SELECT {own} FROM jsonb_object_keys(s.attributes) key), '{{}}'))"  # noqa: S608 - names and a number

    def _address_time(self, condition: str) -> str:
        """When an address became somebody's, if it does: SQL over s."""
        return f"(CASE WHEN {condition} THEN '{{\"{EMAIL_AT}\": {self._told_at}}}' ELSE '{{}}' END)::jsonb"

    def _make(self) -> None:
        defaults = _defaults({"id", "public_id", "email", "source", "traits_at", *self._given})
        named = ["id", "public_id", "email", "source", "traits_at", *self._given, *defaults]
        fallbacks = {name: "''" for name in COLUMNS if name != "timezone"} | {"attributes": "'{}'"}
        values = [f"coalesce(s.{name}, {fallbacks.get(name, 'NULL')})" for name in self._given]
        constants = ["%s"] * len(defaults)
        times = f"{self._times()} || {self._address_time('s.email IS NOT NULL')}"
        selected = ["s.customer_id", "gen_random_uuid()", "s.email", "%s", times, *values, *constants]
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO customers_customer ({', '.join(named)}) SELECT {', '.join(selected)}"  # noqa: S608 - names come from COLUMNS and the model
                " FROM people_judged s WHERE s.verdict = 'new' ORDER BY 1",
                [self._mapping.source, *defaults.values()],
            )

    def _change(self) -> None:
        sets = [f"{name} = coalesce(s.{name}, c.{name})" for name in self._profile]
        if "attributes" in self._columns:
            sets.append("attributes = c.attributes || coalesce(s.attributes, '{}')")
        is_first = "c.email IS NULL AND s.email IS NOT NULL"
        sets.append(f"traits_at = c.traits_at || {self._times()} || {self._address_time(is_first)}")
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH locked AS MATERIALIZED (SELECT id FROM customers_customer"  # noqa: S608 - names come from COLUMNS
                " WHERE id IN (SELECT customer_id FROM people_judged WHERE verdict = 'updated')"
                " ORDER BY id FOR NO KEY UPDATE)"
                f" UPDATE customers_customer c SET {', '.join([*sets, 'email = coalesce(c.email, s.email)'])},"
                " is_anonymous = c.is_anonymous AND s.email IS NULL, updated_at = statement_timestamp()"
                " FROM people_judged s JOIN locked ON locked.id = s.customer_id"
                " WHERE s.verdict = 'updated' AND c.id = locked.id"
            )

    def _attach(self) -> None:
        if "id" not in self._mapping.columns:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO customers_customeridentity (namespace, value, customer_id)"
                " SELECT %s, s.external_id, s.customer_id FROM people_judged s"
                " WHERE s.verdict IN ('new', 'updated') AND s.external_id IS NOT NULL ORDER BY 2"
                " ON CONFLICT DO NOTHING",
                [self._mapping.source],
            )

    def _consent(self, people: Sequence[tuple[int, Parsed, bool]], outcome: Outcome, source: str) -> None:
        if self._mapping.consent == "none":
            return
        says_yes = "consent" if self._mapping.consent == "column" else "consent IS NOT FALSE"
        said: dict[str, Any] = {"source": source, "proof": self._mapping.proof, "tells": False}
        agreeing = self._ids(f"verdict IN {_STORED} AND {says_yes} AND {_IS_WRITTEN_TO}")
        outcome.consents_granted = consent.grant(agreeing, overrule_withdrawal=False, **said)
        if "consent" in self._columns:
            outcome.consents_withdrawn = consent.withdraw(self._refusing(people), **said)

    def _refusing(self, people: Sequence[tuple[int, Parsed, bool]]) -> set[int]:
        """Who says no in any row of the batch, repeated and skipped ones too: a no always counts."""
        refusing = self._ids(
            "NOT consent AND verdict IN ('new', 'updated', 'unchanged', 'skipped', 'duplicate')"
        )
        place = self._columns.index("consent")
        repeats = [row for _, row, is_repeat in people if is_repeat and row.values[place] is False]
        if repeats:
            emails, ids = ([getattr(row, name) for row in repeats] for name in ("email", "external_id"))
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT id FROM customers_customer WHERE email = ANY(%s) UNION SELECT customer_id"
                    " FROM customers_customeridentity WHERE namespace = %s AND value = ANY(%s) UNION SELECT customer_id"
                    " FROM customers_customeridentity WHERE namespace = %s AND value = ANY(%s)",
                    [emails, CustomerIdentity.EMAIL, emails, self._mapping.source, ids],
                )
                refusing |= {id for (id,) in cursor.fetchall()}
        return refusing

    def _ids(self, condition: str) -> set[int]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT customer_id FROM people_judged WHERE {condition}")  # noqa: S608 - constants only
            return {id for (id,) in cursor.fetchall()}


def prepare() -> None:
    """Make the session's temporary tables, in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = warning")
        cursor.execute(_CREATE)


def _defaults(given: set[str]) -> dict[str, Any]:
    """What a new customer's other columns hold, where the database has no default of its own."""
    return {
        str(field.column): field.get_db_prep_save(field.get_default(), connection)
        for field in Customer._meta.concrete_fields
        if field.column not in given and field.db_default is NOT_PROVIDED
    }
