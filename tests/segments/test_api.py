"""The API of segments and conditions: who may, what is refused and where, what comes back."""

import json
import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from rest_framework.settings import api_settings

from accounts.models import ApiKey, AuditEntry
from common.clock import now
from common.strict_json import MOST_BYTES
from customers import consent
from customers.models import Customer
from segments import counting
from segments.models import Segment

pytestmark = pytest.mark.django_db
READ, WRITE = ApiKey.Scope.SEGMENTS_READ.value, ApiKey.Scope.SEGMENTS_WRITE.value
BRITISH = {"attribute": "country", "value": "GB"}
Answer = tuple[int, dict[str, Any]]


def call(method: str, path: str, body: object = None, *, scopes: tuple[str, ...] = (READ, WRITE)) -> Answer:
    """Status and answer of a request with a key of these scopes; a text or bytes are sent as they are."""
    secret = ApiKey.objects.issue(name="data team", scopes=list(scopes))[1]
    answer = Client().generic(
        method,
        f"/api/v1/{path}",
        body if isinstance(body, str | bytes) else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    return answer.status_code, json.loads(answer.content)


def people(**numbers: int) -> list[Customer]:
    """So many customers of each country."""
    return [Customer.objects.create(country=country) for country, n in numbers.items() for _ in range(n)]


def test_a_new_segment_is_stored_filled_and_said_in_words():
    people(GB=2, DE=1)
    status, answer = call("POST", "segments", {"name": "The British", "condition": BRITISH})
    assert (status, answer["key"], answer["member_count"]) == (201, "the-british", 2)
    assert answer["sentence"] == "Lives in United Kingdom."
    assert call("GET", "segments/the-british") == (200, answer)
    assert Segment.objects.get().memberships.count() == 2


def test_what_is_given_is_changed_and_the_rest_stays():
    people(GB=2, DE=1)
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH, "is_core": True})
    status, answer = call("PATCH", "segments/home", {"condition": {"attribute": "country", "value": "DE"}})
    assert (status, answer["name"], answer["is_core"], answer["member_count"]) == (200, "Home", True, 1)


def test_a_segment_can_be_part_of_another_one():
    people(GB=1, DE=1)
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH})
    status, answer = call("POST", "segments", {"name": "All", "part_of": "home", "condition": {"all": []}})
    assert (status, answer["part_of"], answer["member_count"]) == (201, "home", 1)
    assert call("PATCH", "segments/all", {"part_of": None})[1]["member_count"] == 2


def test_segments_are_listed_newest_first_page_by_page():
    for key in ("a", "b", "c"):
        Segment.objects.create(key=key, name=key)
    Segment.objects.create(key="old", name="old", archived_at=now())
    first = call("GET", "segments?limit=2")[1]
    assert [one["key"] for one in first["results"]] == ["c", "b"]
    second = call("GET", f"segments?limit=2&cursor={first['next_cursor']}")[1]
    assert ([one["key"] for one in second["results"]], second["next_cursor"]) == (["a"], "")
    assert [one["key"] for one in call("GET", "segments?archived=true")[1]["results"]] == ["old"]


def test_a_list_takes_the_same_queries_however_long(django_assert_num_queries):
    for key in "abcdef":
        Segment.objects.create(key=key, name=key)
    with django_assert_num_queries(4):  # issue the key, find it, note its use, list
        call("GET", "segments")


def test_members_are_ids_of_other_systems_page_by_page_and_the_look_is_noted():
    home = people(GB=3, DE=1)[:3]
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH})
    first = call("GET", "segments/home/members?limit=2", scopes=(READ,))[1]
    second = call("GET", f"segments/home/members?cursor={first['next_cursor']}", scopes=(READ,))[1]
    ids = [one["id"] for one in first["results"] + second["results"]]
    assert ids == [str(one.public_id) for one in reversed(home)]
    assert second["next_cursor"] == ""
    noted = AuditEntry.objects.filter(action="looked at who is in a segment")
    assert list(noted.values_list("user", "object_kind", "object_id").distinct()) == [
        (None, "segments.segment", str(Segment.objects.get().pk))
    ]
    assert noted.count() == 2
    assert noted[0].detail.startswith("API key data team (rk_")


def test_changes_are_noted():
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH})
    call("PATCH", "segments/home", {"name": "At home"})
    call("POST", "segments/home/archive")
    call("POST", "segments/home/archive")
    call("POST", "segments/home/restore")
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert [action.split()[0] for action in actions] == ["created", "changed", "archived", "restored"]


def test_a_segment_in_use_is_not_archived_and_says_who_uses_it():
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH})
    call("POST", "segments", {"key": "top", "name": "Top", "condition": {"segment": "home"}})
    status, answer = call("POST", "segments/home/archive")
    assert (status, answer["detail"]) == (409, "“Home” cannot be archived: Top uses it.")
    assert Segment.objects.get(key="home").archived_at is None
    assert call("POST", "segments/top/archive")[1]["archived_at"] is not None
    assert call("POST", "segments/home/archive")[0] == 200
    status, answer = call("POST", "segments/top/restore")
    assert (status, answer["detail"]) == (409, "The segment home is archived.")


def test_an_archived_segment_is_restored_before_it_is_changed():
    people(GB=2, DE=1)
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH})
    call("POST", "segments/home/archive")
    before = Segment.objects.values().get()
    change = {"condition": {"attribute": "country", "value": "DE"}}
    status, answer = call("PATCH", "segments/home", change)
    assert (status, answer["detail"]) == (409, "“Home” is archived: restore it first, then change it.")
    assert Segment.objects.values().get() == before
    assert call("POST", "segments/home/restore")[1]["member_count"] == 2
    assert call("PATCH", "segments/home", change)[1]["member_count"] == 1


def test_a_condition_is_counted_without_being_stored():
    people(GB=6, DE=1)
    status, answer = call("POST", "segments/count", {"condition": BRITISH}, scopes=(READ,))
    counted = {name: answer[name] for name in ("fitting", "low", "high", "customers", "consenting")}
    assert (status, counted) == (
        200,
        {"fitting": 6, "low": 6, "high": 6, "customers": 7, "consenting": None},
    )
    assert (answer["is_exact"], answer["sampled"], answer["sentence"]) == (True, 0, "Lives in United Kingdom")
    assert not Segment.objects.exists()


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_count_tells_nothing_of_a_few(number):
    consent.grant([one.pk for one in people(GB=number, DE=1)], source="form")
    answer = call("POST", "segments/count", {"condition": BRITISH})[1]
    told = {name: answer[name] for name in ("fitting", "fewer_than", "low", "high", "consenting", "is_exact")}
    nothing = {"fitting": None, "low": None, "high": None, "consenting": None}
    assert told == {"fewer_than": 5, "is_exact": True, **nothing}


def test_from_five_on_a_count_tells_how_many():
    consent.grant([one.pk for one in people(GB=5)], source="form")
    answer = call("POST", "segments/count", {"condition": BRITISH})[1]
    assert (answer["fitting"], answer["fewer_than"], answer["consenting"]) == (5, 5, 5)


def test_a_count_is_noted_with_what_was_asked_about_and_no_values():
    email = {"attribute": "email", "value": "ada@example.com"}
    asked = {"all": [email, {"fact": "orders_count", "value": 3}, {"consent": "marketing_email"}]}
    call("POST", "segments/count", {"condition": asked})
    call("POST", "segments/count", {"condition": {"all": []}})
    noted = AuditEntry.objects.filter(action="counted who fits a condition").order_by("pk")
    assert [entry.detail.partition("): ")[2] for entry in noted] == [
        "consents, email, orders_count",
        "everybody",
    ]
    assert noted[0].detail.startswith("API key data team (rk_")


def test_a_count_keeps_to_the_parent_and_to_the_moment():
    seen = now() - timedelta(days=30)
    for country in ("GB", "GB", "GB", "GB", "GB", "DE"):
        Customer.objects.create(country=country, signed_up_at=seen)
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH})
    fresh = {"attribute": "signed_up_at", "op": "within", "value": {"days": 1}}
    at = (seen + timedelta(hours=1)).isoformat()
    asked = {"condition": fresh, "part_of": "home", "as_of": at}
    assert call("POST", "segments/count", asked)[1]["fitting"] == 5
    assert call("POST", "segments/count", asked | {"part_of": None})[1]["fitting"] == 6
    assert call("POST", "segments/count", {"condition": fresh})[1]["fitting"] is None


def test_a_count_by_a_sample_says_so(monkeypatch):
    monkeypatch.setattr(counting, "EXACT_UP_TO", 10)
    Customer.objects.bulk_create(Customer(country="GB") for _ in range(50))
    people(DE=4)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_customer")
    answer = call("POST", "segments/count", {"condition": BRITISH})[1]
    assert answer["is_exact"] is False
    assert answer["sampled"] > 0
    assert answer["low"] <= answer["fitting"] <= answer["high"]
    assert answer["fewer_than"] == round(5 * answer["customers"] / answer["sampled"])
    rare = call("POST", "segments/count", {"condition": {"attribute": "country", "value": "DE"}})[1]
    assert [rare[name] for name in ("fitting", "low", "high", "consenting")] == [None] * 4


@pytest.mark.django_db(transaction=True)
def test_a_count_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(counting, "PATIENCE_MS", 50)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE customers_customer IN ACCESS EXCLUSIVE MODE")
            held.set()
            done.wait(20)
            cursor.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)
    status, answer = call("POST", "segments/count", {"condition": BRITISH})
    done.set()
    holder.join()
    assert (status, answer["detail"][:23]) == (503, "Counting takes too long")


def test_a_check_says_the_condition_in_words():
    asked = {"condition": {"event": "order_placed", "count": {"gte": 3}, "within": {"days": 90}}}
    status, answer = call("POST", "conditions/check", asked, scopes=(READ,))
    assert (status, answer) == (200, {"sentence": "Has placed at least 3 orders in the last 90 days"})


@pytest.mark.parametrize(
    ("condition", "place", "reason"),
    [
        ({"all": [BRITISH, {"event": "danced"}]}, "condition.all[1].event", "there is no event 'danced'"),
        (
            {"event": "order_placed", "within": {"days": "x"}},
            "condition.event.within.days",
            "expected a number",
        ),
        ({"not": {"segment": ""}}, "condition.not.segment", "a text has 1 to 500 characters"),
        ([], "condition", "expected an object"),
        ({"segment": "nowhere"}, "condition", "There is no segment with the key nowhere."),
        ({"stage": "nowhere"}, "condition", "There is no stage with the key nowhere."),
    ],
    ids=["event", "span", "text", "list", "segment", "stage"],
)
@pytest.mark.parametrize("path", ["conditions/check", "segments/count", "segments"])
def test_a_bad_condition_is_refused_with_its_place(path, condition, place, reason):
    status, answer = call("POST", path, {"name": "Bad", "condition": condition})
    assert (status, list(answer["errors"])) == (400, [place])
    assert answer["errors"][place][0].startswith(reason)
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"key": "other"}, "key"),
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"part_of": "nowhere"}, "part_of"),
        ({"part_of": {"a": 1}}, "part_of"),
        ({"part_of": "home"}, "condition"),
        ({"as_of": "1700-01-01T00:00:00Z"}, "as_of"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ({"condition": {"segment": "home"}}, "condition"),
    ],
    ids=["key", "name", "nul", "unknown", "object", "itself", "early", "overflow", "circle"],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(changed, place):
    call("POST", "segments", {"key": "home", "name": "Home", "condition": BRITISH})
    before = Segment.objects.values().get()
    status, answer = call("PATCH", "segments/home", changed)
    assert (status, list(answer["errors"])) == (400, [place])
    assert Segment.objects.values().get() == before


@pytest.mark.parametrize("key", ["home", "new", "health", "count", "two words", "a" * 101])
def test_a_key_that_is_taken_or_no_key_is_refused(key):
    Segment.objects.create(key="home", name="Home")
    status, answer = call("POST", "segments", {"key": key, "name": "X", "condition": BRITISH})
    assert (status, list(answer["errors"])) == (400, ["key"])


def test_a_list_keeps_its_members_and_takes_no_condition():
    Segment.objects.create(key="vips", name="VIPs", kind=Segment.Kind.STATIC)
    assert call("PATCH", "segments/vips", {"condition": BRITISH})[1]["errors"] == {
        "condition": ["A fixed list has no condition."]
    }
    assert call("PATCH", "segments/vips", {"name": "Very important"})[1]["name"] == "Very important"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"name: yaml", 400),
        (b'{"name": "a", "name": "b"}', 400),
        (b'{"name": NaN}', 400),
        (b'{"condition": {"attribute": "city", "value": "\\ud800"}}', 400),
        (b'{"\xff": 1}', 400),
        (b'{"a":' * 100_000, 400),
        (b'{"condition": ' + b"9" * 5_000 + b"}", 400),
        (b" " * (MOST_BYTES + 1), 413),
    ],
    ids=["empty", "list", "yaml", "twice", "nan", "half", "bytes", "deep", "digits", "large"],
)
def test_a_body_that_cannot_be_meant_is_refused(body, status):
    for path in ("segments", "segments/count", "conditions/check"):
        found, answer = call("POST", path, body)
        assert (found, answer["status"]) == (status, status)


@pytest.mark.parametrize("query", ["cursor=17", "cursor=after:3", "limit=0", "limit=1001", "limit=x"])
def test_a_page_that_is_asked_for_wrongly_is_refused(query):
    Segment.objects.create(key="home", name="Home")
    for path in ("segments", "segments/home/members"):
        status, answer = call("GET", f"{path}?{query}")
        assert (status, list(answer["errors"])) == (400, [query.partition("=")[0]])


DOORS = [
    ("GET", "segments", READ),
    ("POST", "segments", WRITE),
    ("GET", "segments/home", READ),
    ("PATCH", "segments/home", WRITE),
    ("POST", "segments/home/archive", WRITE),
    ("POST", "segments/home/restore", WRITE),
    ("GET", "segments/home/members", READ),
    ("POST", "segments/count", READ),
    ("POST", "conditions/check", READ),
]


@pytest.mark.parametrize(("method", "path", "scope"), DOORS)
def test_each_door_opens_to_its_scope_alone(method, path, scope):
    others = tuple(one for one in ApiKey.Scope.values if one != scope)
    status, answer = call(method, path, {}, scopes=others)
    assert (status, answer["status"]) == (403, 403)
    assert call(method, path, {}, scopes=(scope,))[0] in (200, 400, 404)
    assert Client().generic(method, f"/api/v1/{path}").status_code == 401


def test_looking_and_working_are_throttled_apart(monkeypatch):
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "work", "1/min")
    secret = ApiKey.objects.issue(name="busy", scopes=[READ])[1]
    headers = {"Authorization": f"Bearer {secret}"}

    def ask(method: str, path: str) -> int:
        return Client().generic(method, f"/api/v1/{path}", headers=headers).status_code

    assert [ask("POST", "conditions/check") for _ in range(2)] == [400, 429]
    assert ask("GET", "segments") == 200


def test_the_schema_describes_all_doors_without_a_warning():
    out = StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", "--format=openapi-json", stdout=out)
    paths = json.loads(out.getvalue())["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {(method, f"/api/v1/{path.replace('home', '{key}')}") for method, path, _ in DOORS} <= described
