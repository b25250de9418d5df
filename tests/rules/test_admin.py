"""The admin follows the same rules as the pages: nothing by a link, nothing without the role, nothing unseen."""

import pytest
from django.urls import reverse

from accounts.models import Role, User
from rules.drafts import save_draft
from rules.files import dump_text
from rules.models import RuleDraft, RuleSet
from tests.rules.conftest import BRITISH, LOYAL, case, document, needing_approval

pytestmark = pytest.mark.django_db
PAGES = ["write", "compare", "simulate", "approve", "publish", "schedule", "unschedule", "follow", "discard"]
ACTS = ["approve", "publish", "schedule", "unschedule", "follow", "discard"]


@pytest.fixture
def staff(client, ada):
    ada.is_staff = True
    ada.save(update_fields=["is_staff"])
    client.force_login(ada)
    return ada


def page(act: str, rule_set: RuleSet) -> str:
    return reverse(f"admin:rules_ruleset_{act}", args=[rule_set.pk])


def test_every_page_opens_and_changes_nothing(client, staff, hero, live):
    live(BRITISH)
    save_draft(hero, document(LOYAL), author=staff)
    seen = hero.revision
    for name in PAGES:
        assert client.get(page(name, hero)).status_code == 200, name
    hero.refresh_from_db()
    assert (hero.revision, RuleDraft.objects.count()) == (seen, 1)


@pytest.mark.parametrize("name", ["changelist", "add"])
def test_the_lists_open(client, staff, live, name):
    live(BRITISH)
    assert client.get(reverse(f"admin:rules_ruleset_{name}")).status_code == 200


def test_the_page_of_a_rule_set_shows_state_problems_and_history(client, staff, hero, live):
    live(BRITISH)
    case(hero, "Britons", {"attributes": {"country": "GB"}}, {"show": "uk"})
    save_draft(hero, document(LOYAL), author=staff)
    shown = client.get(reverse("admin:rules_ruleset_change", args=[hero.pk])).content.decode()
    assert "“Britons” fails: show: expected “uk”, the rules say “default”." in shown
    assert reverse("admin:rules_rulesetversion_change", args=[hero.versions.get().pk]) in shown
    assert page("publish", hero) not in shown


def test_a_draft_is_written_approved_published_and_taken_back(client, staff, hero, bob):
    needing_approval(hero)
    written = {"document": dump_text(document(BRITISH)), "note": "start", "revision": 0}
    client.post(page("write", hero), written)
    client.post(page("approve", hero), {"revision": 1})
    assert RuleDraft.objects.get().approver is None
    bob.is_staff = True
    bob.save(update_fields=["is_staff"])
    client.force_login(bob)
    client.post(page("approve", hero), {"revision": 1})
    client.post(page("publish", hero), {"revision": 1})
    first = hero.versions.get()
    assert (first.author, first.approver, first.note) == (staff, bob, "start")


def test_going_back_from_the_page_of_a_version(client, staff, hero, live):
    first = live(BRITISH)
    live(LOYAL)
    address = reverse("admin:rules_rulesetversion_rollback", args=[first.pk])
    assert "is written anew as the latest version" in client.get(address).content.decode()
    assert hero.versions.count() == 2
    client.post(address, {"revision": hero.revision})
    hero.refresh_from_db()
    assert hero.live_version.document == document(BRITISH)
    shown = client.get(
        reverse("admin:rules_rulesetversion_change", args=[hero.live_version.pk])
    ).content.decode()
    assert "If the customer lives in United Kingdom: show “uk”." in shown


def test_what_moved_on_since_it_was_seen_is_not_published(client, staff, hero):
    save_draft(hero, document(BRITISH), author=staff)
    save_draft(hero, document(LOYAL), author=staff)
    response = client.post(page("publish", hero), {"revision": 1}, follow=True)
    assert "saved a draft while you were looking" in response.content.decode()
    assert not hero.versions.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_who_only_reads_presses_nothing(client, hero, role):
    save_draft(hero, document(BRITISH), author=None)
    reader = User.objects.create_user("re@example.com", role=role, is_staff=True)
    client.force_login(reader)
    for name in [*ACTS, "write"]:
        assert client.post(page(name, hero), {"revision": 1}).status_code == 403, name
    assert RuleDraft.objects.exists()
    assert not hero.versions.exists()


def test_where_an_approver_is_asked_for_a_marketer_does_not_publish(client, staff, hero, settings):
    settings.LAUNCH_NEEDS_APPROVER = True
    save_draft(hero, document(BRITISH), author=None)
    assert client.post(page("publish", hero), {"revision": 1}).status_code == 403
    assert (
        page("publish", hero)
        not in client.get(reverse("admin:rules_ruleset_change", args=[hero.pk])).content.decode()
    )


def test_a_test_case_that_cannot_be_judged_is_kept_for_correction(client, staff, hero):
    form = {
        "name": "Hero",
        "slot": "hero",
        "tests-TOTAL_FORMS": "1",
        "tests-INITIAL_FORMS": "0",
        "tests-0-name": "x",
        "tests-0-customer": "facts: {loyalty: 1}",
        "tests-0-expected": "show: a",
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
    }
    shown = client.post(reverse("admin:rules_ruleset_change", args=[hero.pk]), form).content.decode()
    assert "customer.facts.loyalty: there is no fact" in shown
    assert not hero.tests.exists()
    client.post(reverse("admin:rules_ruleset_change", args=[hero.pk]), form | {"tests-0-customer": "{}"})
    assert hero.tests.get().customer == {}


def test_published_rules_keep_their_slot(client, staff, hero, live):
    live(BRITISH)
    form = {
        "name": "New name",
        "slot": "banner",
        "tests-TOTAL_FORMS": "0",
        "tests-INITIAL_FORMS": "0",
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
    }
    client.post(reverse("admin:rules_ruleset_change", args=[hero.pk]), form)
    hero.refresh_from_db()
    assert (hero.name, hero.slot) == ("New name", "hero")


def test_a_rule_set_that_does_not_exist_is_not_found(client, staff):
    assert client.get(reverse("admin:rules_ruleset_publish", args=[99])).status_code == 404
