from importlib import import_module
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from rules.documents import DocumentError, parse_document
from rules.files import dump_text
from rules.models import RuleSet, RuleSetVersion
from rules.versions import publish, rollback, save_version
from rules.wording import compare, text_diff
from tests.rules.conftest import BRITISH, OTHERWISE, document

pytestmark = pytest.mark.django_db
LOYAL = {
    "name": "loyal",
    "when": {"fact": "orders_count", "op": "gte", "value": 3},
    "then": {"show": "loyal"},
}


def test_versions_are_numbered_from_one_and_know_their_base(hero):
    first = save_version(hero, document(BRITISH), note="start")
    second = save_version(hero, document(LOYAL))
    assert [(each.number, each.base, each.note) for each in (first, second)] == [
        (1, None, "start"),
        (2, first, ""),
    ]


def test_the_same_document_makes_no_new_version(hero):
    first = save_version(hero, document(BRITISH))
    reordered = {"otherwise": OTHERWISE, "rules": [BRITISH]}
    assert save_version(hero, reordered) == first
    assert hero.versions.count() == 1


def test_a_document_that_cannot_be_used_is_not_stored(hero):
    with pytest.raises(DocumentError):
        save_version(hero, {"rules": []})
    assert not hero.versions.exists()


def test_a_rule_about_an_unknown_segment_is_not_stored(hero):
    with pytest.raises(DocumentError, match=r"rules\[1\]\.when\.segment: there is no segment vip"):
        save_version(hero, document(BRITISH, {**LOYAL, "when": {"not": {"segment": "vip"}}}))
    assert not hero.versions.exists()


def test_a_stored_version_cannot_be_changed(hero):
    version = save_version(hero, document(BRITISH))
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleSetVersion.objects.filter(pk=version.pk).update(document={})
    version.refresh_from_db()
    assert version.document == document(BRITISH)


def test_a_version_decides_once_it_is_published(hero):
    version = save_version(hero, document(BRITISH))
    assert hero.live_version is None
    publish(version)
    hero.refresh_from_db()
    assert hero.live_version == version


def test_going_back_writes_the_old_document_as_a_new_version(hero, live):
    first, second = live(BRITISH), live(LOYAL)
    third = rollback(hero, first.number, None)
    assert (third.number, third.base, third.document) == (3, first, first.document)
    hero.refresh_from_db()
    assert hero.live_version == third
    assert second.number == 2


def test_going_back_to_what_is_live_is_refused(hero, live):
    live(BRITISH)
    with pytest.raises(DocumentError, match="says what is live already"):
        rollback(hero, 1, None)
    assert hero.versions.count() == 1


def test_two_versions_are_compared_rule_by_rule():
    changed = {**BRITISH, "then": {"suppress": True}}
    extra = {**BRITISH, "name": "new"}
    old, new = parse_document(document(BRITISH, LOYAL)), parse_document(document(extra, changed))
    found = [(each.name, str(each.kind), each.after) for each in compare(old, new)]
    assert found == [
        ("new", "added", "If the customer lives in United Kingdom: show “uk”."),
        ("British", "changed", "If the customer lives in United Kingdom: send nothing."),
        ("loyal", "removed", ""),
    ]


def test_rules_that_only_change_places_are_said_to_have_moved():
    old, new = parse_document(document(BRITISH, LOYAL)), parse_document(document(LOYAL, BRITISH))
    assert [(each.name, each.kind, each.before, each.after) for each in compare(old, new)] == [
        ("loyal", "moved", "Place 2", "Place 1"),
        ("British", "moved", "Place 1", "Place 2"),
    ]


def test_the_text_of_two_versions_is_compared_line_by_line(live):
    old, new = live(BRITISH), live({**BRITISH, "then": {"show": "gb"}})
    marked = [(line.mark, line.text.strip()) for line in text_diff(old, new) if line.mark in "+-"]
    assert marked == [("-", "show: uk"), ("+", "show: gb")]


def test_stored_rules_are_written_in_reading_order(live):
    version = live(BRITISH)
    version.refresh_from_db()
    assert dump_text(version.document).splitlines()[:6] == [
        "rules:",
        "- name: British",
        "  when:",
        "    attribute: country",
        "    value: GB",
        "  then:",
    ]


def test_a_file_is_published_once():
    out = StringIO()
    for _ in range(2):
        call_command("publish_rules", "rules/examples/hero.yaml", stdout=out)
    rule_set = RuleSet.objects.get()
    assert (rule_set.live_version.number, rule_set.versions.count()) == (1, 1)
    assert out.getvalue() == "Hero v1 is live: 4 rules for the slot hero.\n" * 2


def test_a_file_that_cannot_be_used_publishes_nothing(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("key: hero\nname: Hero\nslot: hero\nrules: []\n")
    with pytest.raises(CommandError, match="otherwise: is missing"):
        call_command("publish_rules", str(path))
    assert not RuleSet.objects.exists()


def test_a_slot_is_decided_by_one_rule_set(tmp_path, hero):
    path = tmp_path / "rules.yaml"
    path.write_text("key: other\nname: Other\nslot: hero\nrules: []\notherwise: {show: x}\n")
    with pytest.raises(CommandError, match="slot: Another rule set decides this slot already"):
        call_command("publish_rules", str(path))
    assert RuleSet.objects.get() == hero


def test_the_upgrade_leaves_a_shared_slot_to_the_published_rule_set_first_by_name(live):
    live(BRITISH)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'rules_ruleset'::regclass AND contype = 'u'"
            " AND pg_get_constraintdef(oid) = 'UNIQUE (slot)'"
        )
        cursor.execute(f"ALTER TABLE rules_ruleset DROP CONSTRAINT {cursor.fetchone()[0]}")
        draft = RuleSet.objects.create(key="a", name="A", slot="hero")
        long = RuleSet.objects.create(key="long", name="L", slot="s" * 50)
        twin = RuleSet.objects.create(key="twin", name="M", slot="s" * 50)
        cursor.execute(import_module("rules.migrations.0003_one_rule_set_a_slot").PART)
    slots = dict(RuleSet.objects.values_list("key", "slot"))
    assert slots["hero"] == "hero"
    assert slots["a"] == f"hero-{draft.pk}"
    assert slots["long"] == long.slot
    assert slots["twin"] == f"{'s' * (49 - len(str(twin.pk)))}-{twin.pk}"
