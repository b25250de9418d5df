import json

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.urls import reverse

from customers.models import Customer
from segments import health, membership, upkeep
from segments.models import Reference, Segment
from segments.references import Use, tell_own, tell_use, tell_uses
from segments.upkeep import InUse

pytestmark = pytest.mark.django_db
GERMAN = {"attribute": "country", "value": "DE"}


def stored(key: str, condition: object, **values: object) -> Segment:
    segment = Segment(key=key, name=key.title(), condition=condition, **values)
    membership.store(segment)
    return segment


@pytest.fixture
def outer(segment) -> Segment:
    return stored("outer", {"not": {"segment": "british"}})


def test_a_segment_tells_what_it_is_built_on(segment, outer):
    part = stored("part", GERMAN, parent=segment)
    assert sorted(segment.references.values_list("user_kind", "user_key")) == [
        ("segment", "outer"),
        ("segment", "part"),
    ]
    part.parent = None
    membership.store(part)
    assert segment.references.get().label == "Outer"


def test_what_somebody_uses_is_neither_archived_nor_deleted(segment, outer):
    for act, word in ((upkeep.archive, "archived"), (upkeep.delete, "deleted")):
        with pytest.raises(InUse, match=f"“British” cannot be {word}: Outer uses it"):
            act(segment)
    with pytest.raises(ProtectedError):
        Segment.objects.filter(key="british").delete()
    assert Segment.objects.active().count() == 2


def test_the_database_keeps_what_is_in_use(segment, outer):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM segments_segment WHERE key = 'british'")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert Segment.objects.count() == 2


def test_what_nobody_uses_any_more_is_deleted(segment, outer):
    upkeep.delete(outer)
    upkeep.delete(segment)
    assert not Segment.objects.exists()
    assert not Reference.objects.exists()


def test_an_archived_segment_is_not_refreshed_and_comes_back_fresh(segment):
    Customer.objects.create(country="GB")
    upkeep.archive(segment)
    assert membership.refresh_all() == {}
    upkeep.restore(segment)
    assert segment.member_count == 1


def test_what_was_changed_since_it_was_read_is_not_undone_by_restoring(segment):
    upkeep.archive(segment)
    read_before = Segment.objects.get()
    Segment.objects.update(condition=GERMAN, name="Germans")
    upkeep.restore(read_before)
    assert Segment.objects.values_list("name", "condition", "archived_at").get() == ("Germans", GERMAN, None)


def test_who_read_a_segment_before_it_was_restored_does_not_archive_it_again(segment):
    upkeep.archive(segment)
    read_before = Segment.objects.select_related("parent").get()
    upkeep.restore(segment)
    read_before.name = "Renamed"
    membership.store(read_before)
    assert Segment.objects.values_list("name", "archived_at").get() == ("Renamed", None)


def test_apps_above_tell_and_take_back_what_they_use(segment, outer):
    tell_uses("campaign", [Use("1", "Campaign: A", frozenset({"british", "gone"}), "/a/")])
    tell_use("campaign", Use("2", "Campaign: B", frozenset({"outer"})))
    assert Reference.objects.filter(user_kind="campaign").count() == 2
    tell_uses("campaign", [Use("2", "Campaign: C", frozenset({"outer"}))])
    assert Reference.objects.get(user_kind="campaign").label == "Campaign: C"


def test_what_was_changed_past_the_forms_is_told_by_the_sweep(segment):
    Segment.objects.create(key="new", name="New", condition={"segment": "british"})
    assert not Reference.objects.exists()
    tell_own()
    assert segment.references.get().user_key == "new"


def test_another_segment_takes_the_place_of_one(segment, outer):
    person = Customer.objects.create(country="DE")
    part = stored("part", {"any": [{"segment": "british"}, GERMAN]}, parent=segment)
    german = stored("german", GERMAN)
    upkeep.replace(segment, german)
    outer.refresh_from_db()
    part.refresh_from_db()
    assert outer.condition == {"not": {"segment": "german"}}
    assert (part.parent, part.condition) == (german, {"any": [{"segment": "german"}, GERMAN]})
    assert (part.memberships.get().customer, outer.memberships.count()) == (person, 0)
    segment.refresh_from_db()
    assert segment.archived_at is not None


def test_a_merge_that_only_others_can_make_changes_nothing(segment, outer):
    german = stored("german", GERMAN)
    tell_use("campaign", Use("1", "Campaign: A", frozenset({"british"})))
    with pytest.raises(InUse, match="Campaign: A must be changed by hand"):
        upkeep.replace(segment, german)
    outer.refresh_from_db()
    assert outer.condition == {"not": {"segment": "british"}}


def test_a_merge_into_what_is_built_on_it_is_refused(segment, outer):
    with pytest.raises(ValueError, match="is built on"):
        upkeep.replace(segment, outer)
    segment.refresh_from_db()
    assert segment.archived_at is None


def test_alike_segments_are_found_by_what_they_share(segment):
    for country in ("GB", "GB", "GB", "GB", "DE"):
        Customer.objects.create(country=country)
    membership.refresh(segment)
    twin = stored("twin", {"not": GERMAN})
    everybody = stored("everybody", {"all": []})
    stored("nobody", {"attribute": "country", "value": "FR"})
    found = health.overlap([row.segment for row in health.rows()])
    assert [(pair.first, pair.second, pair.both, pair.jaccard) for pair in found.alike()] == [
        (segment, twin, 4, 1.0),
        (segment, everybody, 4, 0.8),
        (twin, everybody, 4, 0.8),
    ]
    assert len(found.segments) == 3


def test_each_row_says_what_is_the_matter(segment, outer):
    Customer.objects.create(country="GB")
    membership.refresh_all()
    rows = {row.segment.key: row for row in health.rows()}
    assert (rows["british"].problems, rows["british"].users, rows["british"].entered) == ([], 1, 1)
    assert rows["outer"].problems == ["empty", "unused"]
    assert rows["british"].churn == 1.0


def test_what_has_not_moved_for_long_is_inactive(segment, outer):
    from datetime import timedelta

    from common.clock import now

    Segment.objects.update(created_at=now() - timedelta(days=31))
    assert "inactive" in {row.segment.key: row.problems for row in health.rows()}["british"]


def test_health_takes_the_same_queries_for_any_number(client, marketer, django_assert_max_num_queries):
    for number in range(12):
        Customer.objects.create(country="GB")
        stored(f"s{number}", {"all": []})
    with django_assert_max_num_queries(12):
        page = client.get(reverse("segments:health")).content.decode()
    assert "Nearly the same people" in page


def test_one_click_archives_on_the_health_page(client, marketer, segment):
    address = reverse("segments:keep", args=["british", "archive"])
    answer = client.post(address, {"next": reverse("segments:health")})
    assert answer.url == reverse("segments:health")
    segment.refresh_from_db()
    assert segment.archived_at is not None
    assert "British" in client.get(reverse("segments:list"), {"archived": 1}).content.decode()
    assert client.post(address, {"next": "https://evil.example/"}).url == "/segments/british/"


def test_a_page_says_why_a_segment_stays(client, marketer, segment, outer):
    page = client.post(reverse("segments:keep", args=["british", "delete"]), follow=True).content.decode()
    assert "cannot be deleted: Outer uses it" in page


def test_an_archived_segment_is_changed_nowhere_before_it_is_restored(client, admin_user, segment):
    upkeep.archive(segment)
    client.force_login(admin_user)
    changed = {"name": "Germans", "key": "british", "description": "", "as_of": ""}
    saved = client.post(
        reverse("segments:edit", args=["british"]), changed | {"json": json.dumps(GERMAN), "act": "save"}
    )
    kept = client.post(
        reverse("admin:segments_segment_change", args=[segment.pk]),
        changed | {"condition": json.dumps(GERMAN)},
    )
    for page in (saved, kept):
        assert page.status_code == 200
        assert "is archived: restore it first" in page.content.decode()
    with pytest.raises(CommandError, match="is archived: restore it first"):
        call_command("create_segment", "british", name="Germans", condition=json.dumps(GERMAN))
    assert Segment.objects.values_list("name", "condition").get() == ("British", segment.condition)
