from datetime import timedelta
from importlib import import_module
from io import StringIO
from threading import Barrier, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEntry, Role
from common.clock import now
from customers.models import Alert
from rules.drafts import MovedOn, Refused, approve, follow_live, save_draft, schedule
from rules.files import dump_text
from rules.models import RuleDraft, RuleSet, RuleSetVersion
from rules.versions import publish_document, publish_draft, publish_due, rollback
from tests.rules.conftest import BRITISH, LOYAL, OTHERWISE, case, document, needing_approval

pytestmark = pytest.mark.django_db


def test_versions_are_numbered_from_one_and_know_their_base(hero):
    first = publish_document(hero, document(BRITISH), note="start")
    second = publish_document(hero, document(LOYAL))
    assert [(each.number, each.base, each.note) for each in (first, second)] == [
        (1, None, "start"),
        (2, first, ""),
    ]


def test_what_is_live_already_makes_no_new_version(hero):
    first = publish_document(hero, document(BRITISH))
    reordered = {"otherwise": OTHERWISE, "rules": [BRITISH]}
    assert publish_document(hero, reordered) == first
    assert hero.versions.count() == 1


def test_a_stored_version_cannot_be_changed(hero):
    version = publish_document(hero, document(BRITISH))
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleSetVersion.objects.filter(pk=version.pk).update(document={})
    version.refresh_from_db()
    assert version.document == document(BRITISH)


def test_published_rules_keep_their_slot_whoever_writes_the_row(hero):
    publish_document(hero, document(BRITISH))
    with pytest.raises(IntegrityError, match="keeps its slot"), transaction.atomic():
        RuleSet.objects.update(slot="banner")


def test_nobody_approves_a_version_of_their_own_whoever_writes_the_row(hero, ada):
    with pytest.raises(IntegrityError, match="rule_version_two_people"), transaction.atomic():
        RuleSetVersion.objects.create(rule_set=hero, number=1, document={}, author=ada, approver=ada)


def test_a_draft_decides_once_it_is_published(hero, ada):
    save_draft(hero, document(BRITISH), author=ada, note="start", revision=0)
    assert hero.live_version is None
    version = publish_draft(hero, by=ada, revision=hero.revision)
    hero.refresh_from_db()
    assert (hero.live_version, version.author, version.note) == (version, ada, "start")
    assert not RuleDraft.objects.exists()


def test_a_failing_test_case_holds_publication_up(hero, ada):
    case(hero, "Britons see uk", {"attributes": {"country": "GB"}}, {"show": "gb"})
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    with pytest.raises(Refused, match=r"“Britons see uk” fails: show: expected “gb”, the rules say “uk”\."):
        publish_draft(hero, by=ada, revision=hero.revision)
    assert (hero.versions.count(), RuleDraft.objects.count()) == (0, 1)


def test_of_two_who_publish_the_second_is_told(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    seen = hero.revision
    publish_draft(hero, by=ada, revision=seen)
    with pytest.raises(MovedOn, match="Ada’s version 1 went live"):
        publish_draft(hero, by=bob, revision=seen)
    assert hero.versions.count() == 1


def test_an_edit_in_between_stops_who_publishes_what_they_have_not_seen(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    seen = hero.revision
    save_draft(hero, document(LOYAL), author=bob, revision=seen)
    with pytest.raises(MovedOn, match="Bob saved a draft"):
        publish_draft(hero, by=ada, revision=seen)
    assert hero.versions.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_one_wins(hero, ada):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    barrier, outcomes = Barrier(2), []

    def publish():
        barrier.wait(30)
        try:
            outcomes.append(publish_draft(RuleSet.objects.get(), by=ada, revision=1).number)
        except MovedOn:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [1, "told"]


def test_where_a_second_person_approves_nothing_goes_without(hero, ada, bob):
    needing_approval(hero)
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    with pytest.raises(Refused, match="A second person has to approve it first"):
        publish_draft(hero, by=bob, revision=hero.revision)
    approve(hero, by=bob, revision=hero.revision)
    version = publish_draft(hero, by=ada, revision=hero.revision)
    assert (version.author, version.approver) == (ada, bob)


def test_a_draft_that_another_version_overtook_has_to_follow_it(hero, live, ada):
    live(BRITISH)
    live(LOYAL)
    save_draft(hero, document(BRITISH, LOYAL), author=ada, revision=hero.revision)
    rollback(hero, 1, by=ada, revision=hero.revision)
    with pytest.raises(Refused, match="Another version went live since it was written"):
        publish_draft(hero, by=ada, revision=hero.revision)
    assert follow_live(hero, by=ada, revision=hero.revision).base.number == 3
    assert publish_draft(hero, by=ada, revision=hero.revision).number == 4


def test_going_back_writes_the_old_document_as_a_new_version(hero, live, ada):
    first, second = live(BRITISH), live(LOYAL)
    third = rollback(hero, first.number, by=ada, revision=hero.revision)
    assert (third.number, third.base, third.document, third.author) == (3, first, first.document, ada)
    hero.refresh_from_db()
    assert hero.live_version == third
    assert second.number == 2


def test_going_back_to_what_is_live_is_refused(hero, live, ada):
    live(BRITISH)
    with pytest.raises(Refused, match="says what is live already"):
        rollback(hero, 1, by=ada, revision=hero.revision)
    assert hero.versions.count() == 1


def test_going_back_although_tests_fail_needs_an_administrators_reason(hero, live, ada, root):
    live(BRITISH)
    live(LOYAL)
    case(hero, "nobody sees uk", {"attributes": {"country": "GB"}}, {"show": "default"})
    for by, why in ((ada, "I want to"), (root, "  ")):
        with pytest.raises(Refused, match="“nobody sees uk” fails"):
            rollback(hero, 1, by=by, revision=hero.revision, override=why)
    version = rollback(hero, 1, by=root, revision=hero.revision, override="The new one is broken")
    assert (version.number, version.override) == (3, "The new one is broken")
    noted = AuditEntry.objects.get(action="rolled rules back")
    assert (noted.user, noted.detail) == (root, "to version 1; although cases fail: The new one is broken")


def test_going_back_does_not_go_around_the_second_person(hero, live, ada, bob):
    live(BRITISH)
    live(LOYAL)
    needing_approval(hero)
    with pytest.raises(Refused, match="Nobody approved version 1"):
        rollback(hero, 1, by=ada, revision=hero.revision)
    save_draft(hero, document(BRITISH), author=ada, revision=hero.revision)
    approve(hero, by=bob, revision=hero.revision)
    publish_draft(hero, by=ada, revision=hero.revision)
    save_draft(hero, document(LOYAL), author=ada, revision=hero.revision)
    approve(hero, by=bob, revision=hero.revision)
    publish_draft(hero, by=ada, revision=hero.revision)
    assert rollback(hero, 3, by=bob, revision=hero.revision).document == document(BRITISH)


@pytest.fixture
def planned(hero, ada):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    schedule(hero, now() + timedelta(hours=1), by=ada, revision=hero.revision)
    return now() + timedelta(hours=2)


def test_a_planned_draft_is_published_when_its_moment_comes(hero, planned, ada):
    assert publish_due() == 0
    assert publish_due(now=planned) == 1
    assert hero.versions.get().author == ada
    assert publish_due(now=planned) == 0


def test_what_does_not_pass_at_its_moment_raises_an_alert_and_loses_its_plan(hero, planned):
    case(hero, "late", {}, {"show": "something else"})
    assert publish_due(now=planned) == 0
    alert = Alert.objects.get()
    assert alert.title == "The rules “Hero” were not published as planned"
    assert alert.body == "“late” fails: show: expected “something else”, the rules say “default”."
    assert (hero.versions.count(), RuleDraft.objects.get().publish_at) == (0, None)


def test_a_plan_of_somebody_who_may_no_longer_publish_is_dropped(hero, planned, ada):
    ada.role = Role.VIEWER
    ada.save(update_fields=["role"])
    assert publish_due(now=planned) == 0
    assert Alert.objects.get().body == "Who planned it may no longer publish rules."


def test_publishing_settles_the_alert_about_it(hero, planned, ada):
    case(hero, "late", {}, {"show": "something else"})
    publish_due(now=planned)
    hero.tests.all().delete()
    publish_draft(hero, by=ada, revision=hero.revision)
    assert Alert.objects.get().resolved_at is not None


def test_a_moment_that_is_over_cannot_be_planned(hero, ada):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    with pytest.raises(Refused, match="That moment is over"):
        schedule(hero, now(), by=ada, revision=hero.revision)


def test_what_was_saved_and_not_published_before_the_upgrade_is_a_draft_after_it(hero, live, ada):
    old = live(BRITISH)
    RuleSetVersion.objects.create(
        rule_set=hero, number=2, document=document(LOYAL), checksum="x", note="mine", author=ada, base=old
    )
    with connection.cursor() as cursor:
        cursor.execute(import_module("rules.migrations.0007_unpublished_versions_become_drafts").MOVE)
    draft = RuleDraft.objects.get()
    assert (draft.document, draft.author, draft.base, draft.note) == (document(LOYAL), ada, old, "mine")


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
