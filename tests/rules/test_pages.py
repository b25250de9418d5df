import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from accounts.models import AuditEntry
from customers.models import Consent, Customer
from rules.drafts import approve, save_draft
from rules.files import dump_text
from rules.forms import RuleSetForm
from rules.models import RuleDraft, RuleSet, RuleTest
from rules.versions import publish_draft
from segments.models import Segment, SegmentMembership
from tests.rules.conftest import BRITISH, LOYAL, case, document, needing_approval
from tests.segments.worlds import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(client, ada):
    client.force_login(ada)
    return ada


def address(name: str, *args: object) -> str:
    return reverse(f"rules:{name}", args=["hero", *args])


def write(client, *rules: dict, revision: int = 0, **more: str):
    data = {"document": dump_text(document(*rules)), "revision": revision, **more}
    return client.post(address("edit"), data)


def told(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_an_empty_list_says_what_to_do(client, marketer):
    assert "No rules yet" in client.get(reverse("rules:list")).content.decode()


def test_the_list_takes_the_same_queries_however_many_rule_sets(client, marketer, django_assert_num_queries):
    for number in range(3):
        one = RuleSet.objects.create(key=f"k{number}", name=f"n{number}", slot=f"s{number}")
        save_draft(one, document(BRITISH), author=marketer)
    with django_assert_num_queries(6):
        page = client.get(reverse("rules:list")).content.decode()
    assert page.count(">draft<") == 3


def test_a_rule_set_is_made_written_and_published(client, marketer):
    response = client.post(reverse("rules:new"), {"name": "Hero", "key": "hero", "slot": "hero"})
    assert response.url == address("edit")
    write(client, BRITISH, note="start")
    rule_set = RuleSet.objects.get()
    assert (rule_set.live_version, rule_set.draft.author) == (None, marketer)
    client.post(address("publish"), {"revision": rule_set.revision})
    rule_set.refresh_from_db()
    assert (rule_set.live_version.number, rule_set.live_version.note) == (1, "start")
    assert "version 1" in client.get(reverse("rules:list")).content.decode()


def test_what_a_page_did_is_noted_once(client, marketer, hero):
    write(client, BRITISH)
    client.post(address("publish"), {"revision": 1})
    noted = AuditEntry.objects.order_by("pk").values_list("action", "object_id", "detail")
    assert list(noted) == [
        ("saved a draft of rules", str(hero.pk), ""),
        ("published rules", str(hero.pk), "version 1"),
    ]


def test_rules_that_cannot_be_meant_are_kept_for_correction(client, marketer, hero):
    page = client.post(address("edit"), {"document": "rules: []\n"}).content.decode()
    assert "otherwise: is missing" in page
    assert not RuleDraft.objects.exists()


@pytest.mark.parametrize("number", [".inf", ".nan", "!!int x", "!!timestamp x", "9" * 5_000])
def test_a_number_that_is_none_is_kept_for_correction(client, marketer, hero, number):
    written = f"rules: []\notherwise:\n  show: x\n  set: {{a: {number}}}\n"
    response = client.post(address("edit"), {"document": written})
    assert response.status_code == 200
    assert response.context["form"].errors["document"]
    assert not RuleDraft.objects.exists()


def test_a_rule_about_an_unknown_segment_is_refused(client, marketer, hero):
    page = write(client, {**LOYAL, "when": {"segment": "vip"}}).content.decode()
    assert "there is no segment vip" in page
    assert not RuleDraft.objects.exists()


def test_the_page_says_the_rules_in_words(client, marketer, live):
    live(BRITISH)
    page = client.get(address("detail")).content.decode()
    assert "If the customer lives in United Kingdom: show “uk”." in page
    assert "show “default” and set headline to “Hello”" in page


def test_what_is_being_written_is_checked_as_it_is_typed(client, marketer, hero):
    case(hero, "Britons see gb", {"attributes": {"country": "GB"}}, {"show": "gb"})
    written = dump_text(document(BRITISH, {**BRITISH, "name": "again"}))
    page = client.post(address("check"), {"document": written}).content.decode()
    assert "Rule 2 “again” can never say anything after rule 1 “British”" in page
    assert "show: expected “gb”, the rules say “uk”." in page
    assert "line 1: " in client.post(address("check"), {"document": "a: ["}).content.decode()


def test_two_versions_are_compared(client, marketer, live):
    live(BRITISH)
    live(BRITISH, LOYAL)
    page = client.get(address("detail"), {"from": "1", "to": "2"}).content.decode()
    assert "From version 1 to version 2." in page
    assert "+ - name: loyal" in page


def test_the_draft_is_held_against_what_is_live(client, marketer, hero, live):
    live(BRITISH)
    write(client, BRITISH, LOYAL, revision=2)
    page = client.get(address("detail")).content.decode()
    assert "From version 1 to the draft." in page
    assert "added" in page


@pytest.mark.parametrize(
    "asked", ["?version=x", "?version=99", "?version=" + "9" * 40, "?from=1&to=x", "?cursor=x"]
)
def test_a_version_that_is_none_shows_the_page_all_the_same(client, marketer, live, asked):
    live(BRITISH)
    assert client.get(address("detail") + asked).status_code == 200


def test_going_back_needs_a_post_by_an_editor(client, marketer, hero, live):
    live(BRITISH)
    live(LOYAL)
    assert client.get(address("rollback", 1)).status_code == 405
    client.post(address("rollback", 1), {"revision": hero.revision})
    hero.refresh_from_db()
    assert (hero.live_version.number, hero.live_version.author) == (3, marketer)


def test_going_back_to_what_is_live_says_so(client, marketer, hero, live):
    live(BRITISH)
    page = client.post(address("rollback", 1), {"revision": hero.revision}, follow=True)
    assert told(page) == "Version 1 says what is live already."
    assert hero.versions.count() == 1


def test_the_four_eyes_are_shown_and_kept(client, marketer, hero, bob):
    needing_approval(hero)
    write(client, BRITISH)
    page = client.get(address("detail")).content.decode()
    assert "A second person has to approve it first." in page
    assert address("approve") not in page
    client.post(address("approve"), {"revision": 1})
    assert RuleDraft.objects.get().approver is None
    client.force_login(bob)
    assert address("approve") in client.get(address("detail")).content.decode()
    client.post(address("approve"), {"revision": 1})
    client.post(address("publish"), {"revision": 1})
    assert hero.versions.get().approver == bob


def test_only_an_administrator_takes_the_four_eyes_away(client, marketer, hero, root):
    needing_approval(hero)
    settings = {"name": "Hero", "slot": "hero"}
    client.post(address("settings"), settings)
    hero.refresh_from_db()
    assert hero.needs_approval
    client.force_login(root)
    client.post(address("settings"), settings)
    hero.refresh_from_db()
    assert not hero.needs_approval


def test_published_rules_keep_their_slot(client, marketer, hero, live):
    live(BRITISH)
    client.post(address("settings"), {"name": "New name", "slot": "banner"})
    hero.refresh_from_db()
    assert (hero.name, hero.slot) == ("New name", "hero")


def test_another_slot_takes_approval_and_plan_of_a_draft_away(client, marketer, hero, bob):
    needing_approval(hero)
    write(client, BRITISH)
    approve(hero, by=bob, revision=1)
    RuleDraft.objects.update(publish_at=NOW, scheduled_by=bob)
    client.post(address("settings"), {"name": "Hero", "slot": "banner", "needs_approval": "on"})
    draft = RuleDraft.objects.get()
    assert (draft.approver, draft.approved_at, draft.publish_at, draft.scheduled_by) == (None,) * 4
    hero.refresh_from_db()
    assert (hero.slot, hero.revision) == ("banner", 2)


def test_saving_the_settings_leaves_what_went_live_meanwhile(client, marketer, hero, live, monkeypatch):
    live(BRITISH)
    whole = RuleSetForm.is_valid

    def meanwhile(form: RuleSetForm) -> bool:
        live(LOYAL)
        return whole(form)

    monkeypatch.setattr(RuleSetForm, "is_valid", meanwhile)
    client.post(address("settings"), {"name": "New name", "slot": "hero"})
    hero.refresh_from_db()
    assert (hero.name, hero.live_version.number) == ("New name", 2)


def test_a_publication_is_planned_and_taken_back(client, marketer, hero):
    write(client, BRITISH)
    client.post(address("schedule"), {"revision": 1, "publish_at": "2199-01-01T10:00"})
    assert f"{RuleDraft.objects.get().publish_at:%Y-%m-%d %H:%M %Z}" == "2199-01-01 10:00 UTC"
    client.post(address("schedule"), {"revision": 1, "act": "unschedule"})
    assert RuleDraft.objects.get().publish_at is None
    response = client.post(address("schedule"), {"revision": 1, "publish_at": "soon"}, follow=True)
    assert told(response).endswith("Give a date and a time.")


def test_a_draft_is_discarded(client, marketer, hero):
    write(client, BRITISH)
    client.post(address("discard"), {"revision": 0})
    assert RuleDraft.objects.exists()
    client.post(address("discard"), {"revision": 1})
    assert not RuleDraft.objects.exists()


def test_an_old_version_is_taken_up_as_a_draft(client, marketer, live):
    live(BRITISH)
    live(LOYAL)
    form = client.get(address("edit"), {"version": "1"}).context["form"]
    assert "name: British" in form["document"].value()


def test_who_may_only_look_changes_nothing(client, hero, live):
    live(BRITISH)
    live(LOYAL)
    client.force_login(get_user_model().objects.create_user("vi@example.com", "x"))
    assert client.get(address("detail")).status_code == 200
    assert client.get(address("edit")).status_code == 403
    assert client.post(address("rollback", 1), {"revision": hero.revision}).status_code == 403
    assert hero.versions.count() == 2


def test_a_test_case_is_written_changed_and_deleted(client, marketer, hero):
    new = {"name": "Britons", "customer": "attributes: {country: GB}", "expected": "show: uk"}
    client.post(address("test_new"), new)
    stored = RuleTest.objects.get()
    assert (stored.customer, stored.expected) == ({"attributes": {"country": "GB"}}, {"show": "uk"})
    client.post(address("test", stored.pk), new | {"expected": "show: gb"})
    stored.refresh_from_db()
    assert stored.expected == {"show": "gb"}
    client.post(address("test_delete", stored.pk))
    assert not RuleTest.objects.exists()


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("customer", "facts: {loyalty: 3}", "customer.facts.loyalty: there is no fact"),
        ("customer", "a: [", "line 1: "),
        ("expected", "{}", "expect: names nothing"),
        ("expected", "recommend: magic", "expect.recommend.strategy: there is no strategy"),
        ("name", "Taken", "Another test has this name."),
        (
            "customer",
            'attributes: {attributes.x: "a\\u0000"}',
            "customer.attributes.attributes.x: the text holds",
        ),
    ],
)
def test_a_test_case_that_cannot_be_judged_is_kept_for_correction(
    client, marketer, hero, field, written, message
):
    case(hero, "Taken", {}, {"show": "x"})
    new = {"name": "New", "customer": "{}", "expected": "show: uk"} | {field: written}
    response = client.post(address("test_new"), new)
    assert message in response.context["form"].errors[field][0]
    assert RuleTest.objects.count() == 1


def test_a_simulation_counts_and_names_whom_the_draft_treats_otherwise(client, marketer, hero, live):
    live(BRITISH)
    save_draft(hero, document({**BRITISH, "then": {"show": "gb"}}), author=marketer)
    people = [Customer.objects.create(first_name=f"P{n}", country="GB") for n in range(2)]
    for person in people:
        Consent.objects.create(customer=person, is_granted=True, changed_at=NOW, source="test")
    vips = Segment.objects.create(key="vip", name="VIP", condition={"all": []})
    SegmentMembership.objects.create(segment=vips, customer=people[0], entered_at=NOW)
    assert (
        "2</span> of 2 decisions change" in client.get(address("simulate"), {"segment": ""}).content.decode()
    )
    page = client.get(address("simulate"), {"segment": "vip"}).content.decode()
    assert "1</span> of 1 decisions change (100.0 %)." in page or "1</span> of 1 decisions change" in page
    assert reverse("reports:customer", args=[people[0].public_id]) in page
    assert "uk → gb" in page


@pytest.mark.parametrize("page", ["pages", "admin"])
def test_a_look_at_the_examples_of_a_simulation_is_noted(client, root, hero, live, page):
    root.is_staff = True
    root.save(update_fields=["is_staff"])
    client.force_login(root)
    live(BRITISH)
    save_draft(hero, document({**BRITISH, "then": {"show": "gb"}}), author=root)
    person = Customer.objects.create(country="GB")
    admin = reverse("admin:rules_ruleset_simulate", args=[hero.pk])
    asked = admin if page == "admin" else address("simulate")
    client.get(asked, {"segment": ""})
    looks = AuditEntry.objects.filter(action="looked at a simulation of rules")
    assert not looks.exists()
    Consent.objects.create(customer=person, is_granted=True, changed_at=NOW, source="test")
    client.get(asked, {"segment": ""})
    assert (looks.get().user, looks.get().object_id, looks.get().detail) == (
        root,
        str(hero.pk),
        "1 customers",
    )


def test_a_simulation_without_a_draft_says_what_is_missing(client, marketer, live):
    live(BRITISH)
    assert "Nothing to compare" in client.get(address("simulate"), {"segment": ""}).content.decode()


def test_the_second_of_two_writers_is_told_before_anything_is_stored(client, marketer, hero, live):
    live(BRITISH)
    seen = client.get(address("edit")).context["form"]["revision"].value()
    assert write(client, LOYAL, revision=seen).status_code == 302
    page = write(client, BRITISH, LOYAL, revision=seen)
    assert "Ada saved a draft while you were looking." in page.content.decode()
    assert RuleDraft.objects.get().document == document(LOYAL)
    again = page.context["form"]["revision"].value()
    assert write(client, BRITISH, LOYAL, revision=again).status_code == 302
    assert RuleDraft.objects.get().document == document(BRITISH, LOYAL)


def test_the_page_of_an_approved_draft_says_what_saving_takes_away(client, marketer, hero, bob):
    needing_approval(hero)
    write(client, BRITISH)
    approve(hero, by=bob, revision=1)
    assert "Saving a change takes the approval away." in client.get(address("edit")).content.decode()


def test_the_schema_is_published(client, marketer):
    response = client.get(reverse("rules:schema"))
    assert response["Content-Type"] == "application/schema+json"
    assert response.json()["required"] == ["rules", "otherwise"]


def test_a_published_draft_leaves_its_page(client, marketer, hero):
    write(client, BRITISH)
    publish_draft(hero, by=marketer, revision=1)
    page = client.get(address("detail")).content.decode()
    assert address("discard") not in page
