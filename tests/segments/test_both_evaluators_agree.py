import random
from contextlib import contextmanager

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from segments.compiler import compile_condition
from segments.conditions import describe, needs, parse
from segments.evaluator import explain, load_profiles, matches
from segments.fitting import fitting_ids
from segments.judging import judge_each
from tests.segments.strategies import CONDITIONS, FOCUSED, each_by_itself
from tests.segments.worlds import NOW, NOWS, populate

pytestmark = pytest.mark.django_db
CUSTOMERS = 150


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """One population for all examples; rolled back at the end of the module."""
    from django.db import transaction

    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        people = populate(random.Random(20260315), CUSTOMERS)
        yield [person.pk for person in people]
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


@contextmanager
def session_zone(zone):
    """Let the database reckon in another time zone, for queries that return no times."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, false)", [zone])
        yield
        cursor.execute("SELECT set_config('TimeZone', 'UTC', false)")


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink what failed would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    documents=st.lists(CONDITIONS | FOCUSED | FOCUSED, min_size=4, max_size=8),
    now=st.sampled_from(NOWS),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
)
def test_on_every_customer_of_a_random_world(world, documents, now, zone):
    conditions = [parse(document) for document in documents]
    wanted = needs(conditions[0])
    for condition in conditions[1:]:
        wanted |= needs(condition)
    profiles = load_profiles(world, wanted, now=now)
    verdicts = {}
    for condition in conditions:
        with session_zone(zone):
            fits = set(compile_condition(condition, now=now).values_list("pk", flat=True))
            found = fitting_ids(condition, now=now)
            ids = [pk for row in found for pk in row.values()]
        found.query.sql_with_params()  # segments are refreshed by it: there must be SQL, whoever fits
        assert sorted(ids) == sorted(fits), describe(condition)
        judged = {pk for pk, profile in profiles.items() if matches(condition, profile, now=now)}
        assert fits == judged, describe(condition)
        some = world[::3]
        among = set(compile_condition(condition, now=now, among=some).values_list("pk", flat=True))
        assert among == fits & set(some)
        verdicts[condition] = fits & set(some)
        assert all(explain(condition, one, now=now).holds == (pk in fits) for pk, one in profiles.items())
    for pk, held in judge_each(conditions, now=now, among=some):
        assert held == [pk in verdicts[condition] for condition in conditions]


def test_on_each_feature_of_events_by_itself(world):
    """Each with profiles of its own, so that nothing is there because another condition needs it."""
    some = world[::3]
    for condition in map(parse, each_by_itself()):
        with session_zone("America/New_York"):
            fitting = compile_condition(condition, now=NOW, among=some)
            fits = set(fitting.values_list("pk", flat=True))
        profiles = load_profiles(some, needs(condition), now=NOW)
        judged = {pk for pk, profile in profiles.items() if matches(condition, profile, now=NOW)}
        assert fits == judged, describe(condition)


def test_anonymous_visitors_fit_nothing(world):
    everybody = parse({"all": []})
    anonymous = Customer.objects.filter(is_anonymous=True).count()
    assert anonymous > 0
    assert compile_condition(everybody, now=NOW).count() == CUSTOMERS - anonymous
    assert len(load_profiles(world, needs(everybody), now=NOW)) == CUSTOMERS - anonymous
