import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from rules.files import dump_text
from rules.models import RuleSet
from tests.rules.conftest import BRITISH, document

pytestmark = pytest.mark.django_db
LOYAL = {
    "name": "loyal",
    "when": {"fact": "orders_count", "op": "gte", "value": 3},
    "then": {"show": "loyal"},
}


@pytest.fixture
def marketer(client):
    user = get_user_model().objects.create_user("ada@example.com", "x", role="marketer")
    client.force_login(user)
    return user


def address(name: str, *args: object) -> str:
    return reverse(f"rules:{name}", args=["hero", *args])


def test_an_empty_list_says_what_to_do(client, marketer):
    assert "No rules yet" in client.get(reverse("rules:list")).content.decode()


def test_a_rule_set_is_made_written_and_published(client, marketer):
    response = client.post(reverse("rules:new"), {"name": "Hero", "key": "hero", "slot": "hero"})
    assert response.url == address("edit")
    client.post(address("edit"), {"document": dump_text(document(BRITISH)), "note": "start", "act": "save"})
    rule_set = RuleSet.objects.get()
    assert (rule_set.live_version, rule_set.versions.get().author) == (None, marketer)
    client.post(address("publish", 1))
    rule_set.refresh_from_db()
    assert rule_set.live_version.number == 1
    assert "version 1" in client.get(reverse("rules:list")).content.decode()


def test_rules_that_cannot_be_meant_are_kept_for_correction(client, marketer, hero):
    page = client.post(address("edit"), {"document": "rules: []\n", "act": "save"}).content.decode()
    assert "otherwise: is missing" in page
    assert not hero.versions.exists()


@pytest.mark.parametrize("number", [".inf", ".nan", "!!int x", "!!timestamp x", "9" * 5_000])
def test_a_number_that_is_none_is_kept_for_correction(client, marketer, hero, number):
    written = f"rules: []\notherwise:\n  show: x\n  set: {{a: {number}}}\n"
    response = client.post(address("edit"), {"document": written, "act": "save"})
    assert response.status_code == 200
    assert response.context["form"].errors["document"]
    assert hero.versions.count() == 0


def test_a_rule_about_an_unknown_segment_is_refused(client, marketer, hero):
    written = dump_text(document({**LOYAL, "when": {"segment": "vip"}}))
    page = client.post(address("edit"), {"document": written, "act": "publish"}).content.decode()
    assert "there is no segment vip" in page
    assert not hero.versions.exists()


def test_the_page_says_the_rules_in_words(client, marketer, live):
    live(BRITISH)
    page = client.get(address("detail")).content.decode()
    assert "If the customer lives in United Kingdom: show “uk”." in page
    assert "show “default” and set headline to “Hello”" in page


def test_two_versions_are_compared(client, marketer, live):
    live(BRITISH)
    live(BRITISH, LOYAL)
    page = client.get(address("detail"), {"from": "1", "to": "2"}).content.decode()
    assert "From version 1 to version 2." in page
    assert "+ - name: loyal" in page


def test_going_back_needs_a_post_by_an_editor(client, marketer, hero, live):
    live(BRITISH)
    live(LOYAL)
    assert client.get(address("rollback", 1)).status_code == 405
    client.post(address("rollback", 1))
    hero.refresh_from_db()
    assert (hero.live_version.number, hero.live_version.author) == (3, marketer)


def test_going_back_to_what_is_live_says_so(client, marketer, hero, live):
    live(BRITISH)
    page = client.post(address("rollback", 1), follow=True).content.decode()
    assert "says what is live already" in page
    assert hero.versions.count() == 1


def test_who_may_only_look_changes_nothing(client, hero, live):
    live(BRITISH)
    live(LOYAL)
    client.force_login(get_user_model().objects.create_user("vi@example.com", "x"))
    assert client.get(address("detail")).status_code == 200
    for name, args in (("edit", ()), ("publish", (1,)), ("rollback", (1,))):
        assert client.post(address(name, *args), {"document": "x"}).status_code == 403
    hero.refresh_from_db()
    assert (hero.live_version.number, hero.versions.count()) == (2, 2)


def test_the_admin_shows_the_history(client, hero, live):
    live(BRITISH)
    client.force_login(get_user_model().objects.create_superuser("root@example.com", "x"))
    assert client.get(reverse("admin:rules_ruleset_change", args=[hero.pk])).status_code == 200
    assert client.get(reverse("admin:rules_ruleset_changelist")).status_code == 200


def test_the_second_of_two_writers_is_told_before_anything_is_stored(client, marketer, hero, live):
    live(BRITISH)
    mine, yours = (dump_text(document(LOYAL, otherwise={"show": show})) for show in ("mine", "yours"))
    base = client.get(address("edit")).context["form"]["base"].value()
    assert client.post(address("edit"), {"document": yours, "base": base}).status_code == 302
    page = client.post(address("edit"), {"document": mine, "base": base})
    assert "ada@example.com saved version 2 while you were writing." in page.content.decode()
    assert hero.versions.count() == 2
    again = {"document": mine, "base": page.context["form"]["base"].value()}
    assert client.post(address("edit"), again).status_code == 302
    assert hero.versions.get(number=3).base.number == 2


def test_the_first_version_may_be_written_by_one_person_only(client, marketer, hero):
    first, second = (dump_text(document(otherwise={"show": show})) for show in ("mine", "yours"))
    client.post(address("edit"), {"document": first, "base": 0})
    assert "saved version 1" in client.post(address("edit"), {"document": second, "base": 0}).content.decode()
    assert hero.versions.count() == 1
