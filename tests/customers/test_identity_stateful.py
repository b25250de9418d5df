"""Any sequence of visits, sign-ins, aliases, merges, undone merges and erasures, held against plain Python.

The model: everything belongs to the profile that it came to; a profile may point to the one it was merged into;
whoever stands at the end of the pointers owns it. Who is erased keeps events, and loses every id for good.
"""

from collections import Counter
from itertools import count

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from customers.erasure import erase
from customers.facts import facts_drift
from customers.identity import ANONYMOUS, Person, Told, alias, identify
from customers.ingest import ingest
from customers.merging import merge
from customers.models import Customer, CustomerFacts, CustomerIdentity, Event, Merge
from customers.undoing import undo
from tests.customers.merges import owner, view

USERS = st.sampled_from(["ann", "bob", "carl", "dan"])
DEVICES = st.sampled_from(["phone", "laptop", "kiosk"])


class Profiles:
    """What is expected: profiles by number, pointers of merges, and where ids and events came to."""

    def __init__(self) -> None:
        self.is_known: list[bool] = []
        self.into: dict[int, int] = {}
        self.ids: dict[tuple[str, str], int] = {}
        self.events: list[int] = []
        self.parted: set[tuple[int, int]] = set()
        self.gone: set[tuple[str, str]] = set()
        self.erased: set[int] = set()

    def root(self, profile: int) -> int:
        while profile in self.into:
            profile = self.into[profile]
        return profile

    def has(self, id: tuple[str, str]) -> int | None:
        return self.root(self.ids[id]) if id in self.ids else None

    def of(self, id: tuple[str, str]) -> int:
        """Whose the id is, made where it is new."""
        if id not in self.ids:
            self.is_known.append(id[0] != ANONYMOUS)
            self.ids[id] = len(self.is_known) - 1
        return self.root(self.ids[id])

    def link(self, id: tuple[str, str], profile: int) -> None:
        """An id that was seen with a known profile."""
        found = self.has(id)
        if found is None:
            self.ids[id] = profile
        elif found != profile and not self.is_known[found] and (profile, found) not in self.parted:
            self.into[found] = profile


class People(RuleBasedStateMachine):
    """The same steps for the database and for the model."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.numbers = Profiles(), count()
        self.rows: dict[int, int] = {}
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        drift = facts_drift()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        assert drift == {}

    @rule(device=DEVICES)
    def visit(self, device: str) -> None:
        result = ingest([view(str(next(self.numbers)), anonymous=device)], source="shop")
        if (ANONYMOUS, device) in self.model.gone:
            assert result.rejected == {"customer_erased": 1}
            return
        self.model.events.append(self.model.of((ANONYMOUS, device)))

    @rule(user=USERS, device=st.none() | DEVICES)
    def track(self, user: str, device: str | None) -> None:
        if (ANONYMOUS, device) in self.model.gone:
            device = None
        event = view(str(next(self.numbers)), customer=user, anonymous=device or "")
        result = ingest([event], source="shop")
        if ("shop", user) in self.model.gone:
            assert result.rejected == {"customer_erased": 1}
            return
        person = self.model.of(("shop", user))
        if device:
            self.model.link((ANONYMOUS, device), person)
        self.model.events.append(person)

    @rule(user=USERS, device=DEVICES)
    def sign_in(self, user: str, device: str) -> None:
        person = Person("shop", user, anonymous=device)
        if (ANONYMOUS, device) in self.model.gone:
            return
        resolution = identify([Told(person, {"first_name": user}, view("").occurred_at)], source="shop")
        if ("shop", user) in self.model.gone:
            assert resolution.erased == {person}
            return
        self.model.link((ANONYMOUS, device), self.model.of(("shop", user)))

    @rule(device=DEVICES, user=USERS)
    def alias_device(self, device: str, user: str) -> None:
        if self.model.gone & {(ANONYMOUS, device), ("shop", user)}:
            return
        alias(Person(ANONYMOUS, device), Person("shop", user), source="shop")
        known = self.model.has((ANONYMOUS, device))
        if known is not None and self.model.is_known[known] and ("shop", user) not in self.model.ids:
            self.model.ids["shop", user] = known
        else:
            self.model.link((ANONYMOUS, device), self.model.of(("shop", user)))

    @rule(one=USERS, other=USERS)
    def merge_two(self, one: str, other: str) -> None:
        survivor, absorbed = self.model.has(("shop", one)), self.model.has(("shop", other))
        if survivor is not None and absorbed is not None and survivor != absorbed:
            merge(self.pk(survivor), self.pk(absorbed), cause=Merge.Cause.REVIEW)
            self.model.into[absorbed] = survivor

    def to_take_back(self) -> list[int]:
        return sorted(one for one in self.model.into if self.model.root(one) not in self.model.erased)

    @precondition(lambda self: self.to_take_back())
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        absorbed = data.draw(st.sampled_from(self.to_take_back()))
        undo(Merge.objects.get(undone_at=None, absorbed=self.pk(absorbed)).pk)
        self.model.parted.add((self.model.into.pop(absorbed), absorbed))

    @precondition(lambda self: self.model.ids)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        profile = self.model.has(data.draw(st.sampled_from(sorted(self.model.ids))))
        erase(self.pk(profile), by=None, reason="they asked")
        theirs = {id for id in self.model.ids if self.model.has(id) == profile}
        self.model.gone |= theirs
        for id in theirs:
            del self.model.ids[id]
        self.model.erased.add(profile)
        self.model.is_known[profile] = False

    def pk(self, profile: int) -> int:
        """The row of a profile; it stays the same whatever it is merged into."""
        return self.rows[profile]

    @invariant()
    def database_and_model_agree(self) -> None:
        for id in self.model.ids:
            self.rows.setdefault(self.model.has(id), owner(*id).pk)
        self.every_id_leads_to_its_profile()
        self.events_and_facts_are_where_the_pointers_lead()
        self.whoever_is_known_and_stands_is_counted()

    def every_id_leads_to_its_profile(self) -> None:
        expected = {id: self.rows[self.model.has(id)] for id in self.model.ids}
        stored = CustomerIdentity.objects.values_list("namespace", "value", "customer_id")
        assert {(namespace, value): pk for namespace, value, pk in stored} == expected

    def events_and_facts_are_where_the_pointers_lead(self) -> None:
        expected = Counter(self.rows[self.model.root(profile)] for profile in self.model.events)
        facts = CustomerFacts.objects.exclude(views_count=0).values_list("customer_id", "views_count")
        assert Counter(Event.objects.values_list("customer_id", flat=True)) == dict(facts) == expected

    def whoever_is_known_and_stands_is_counted(self) -> None:
        known = [n for n, is_known in enumerate(self.model.is_known) if is_known and n not in self.model.into]
        assert Customer.objects.known().count() == len(known)


@pytest.mark.django_db
@pytest.mark.parametrize("examples", [8, pytest.param(150, marks=pytest.mark.long)])
def test_the_database_and_the_model_agree_after_every_step(examples):
    run_state_machine_as_test(
        People,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
