"""Rule sets as files: nothing is lost, nothing changes twice, nothing is half brought in."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import AuditEntry
from rules.documents import parse_document
from rules.drafts import save_draft
from rules.files import dump_text, load_text
from rules.findings import conflicts
from rules.folders import read_entry, spell
from rules.forms import TextInYaml
from rules.models import RuleDraft, RuleSet, RuleTest
from tests.rules.conftest import BRITISH, LOYAL, case, document, needing_approval
from tests.segments.strategies import CONDITIONS

pytestmark = pytest.mark.django_db
HERO = """# Git keeps this comment, Regards does not.
slot: hero
key: hero
name: Hero
tests:
- expect: {show: uk}
  name: Britons
  customer: {attributes: {country: GB}}
otherwise: {show: default}
rules:
- {name: British, then: {show: uk}, when: {value: GB, attribute: country}}
"""


def run(command: str, *arguments: object, **options: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hero.yaml").write_text(HERO)
    return tmp_path


def test_files_become_drafts_with_their_tests(folder):
    assert run("rules_import", folder) == (
        "hero: new rule set; name: Hero; slot: hero; new test “Britons”; saved as a draft.\n"
    )
    assert RuleDraft.objects.get().document["rules"][0]["name"] == "British"
    assert RuleTest.objects.get().expected == {"show": "uk"}


def test_the_same_files_again_do_nothing(folder):
    run("rules_import", folder, publish=True)
    assert run("rules_import", folder, publish=True) == "hero: nothing to do.\n"
    assert RuleSet.objects.get().live_version.number == 1


def test_a_trial_shows_what_would_change_and_changes_nothing(folder, live):
    live(BRITISH | {"then": {"show": "gb"}}, otherwise={"show": "default"})
    told = run("rules_import", folder, publish=True, dry_run=True)
    assert "published as version 2" in told
    assert "    -     show: gb\n    +     show: uk\n" in told
    assert told.endswith("This was a trial: nothing was changed.\n")
    assert (RuleSet.objects.get().versions.count(), RuleTest.objects.count()) == (1, 0)


def test_one_bad_file_holds_up_all_and_every_bad_place_is_named(folder):
    (folder / "a.yaml").write_text("key: a\nname: A\nslot: a\nrules: []\n")
    (folder / "b.json").write_text(
        '{"key": "hero", "name": "B", "slot": "b", "rules": [], "otherwise": {"show": 1}}'
    )
    with pytest.raises(CommandError) as caught:
        run("rules_import", folder)
    assert "a.yaml: otherwise: is missing" in str(caught.value)
    assert "b.json: otherwise.show: expected a text" in str(caught.value)
    assert not RuleSet.objects.exists()


def test_a_failing_test_keeps_all_from_being_published(folder):
    (folder / "z.yaml").write_text(
        HERO.replace("hero", "z").replace("show: uk}\n  name", "show: de}\n  name")
    )
    with pytest.raises(CommandError, match="z: “Britons” fails"):
        run("rules_import", folder, publish=True)
    assert not RuleSet.objects.exists()


def test_a_draft_of_a_colleague_is_not_overwritten_unless_asked(folder, hero, ada):
    save_draft(hero, document(LOYAL), author=ada)
    with pytest.raises(CommandError, match="Ada has a draft that says something else"):
        run("rules_import", folder)
    assert RuleDraft.objects.get().author == ada
    run("rules_import", folder, replace_drafts=True)
    assert RuleDraft.objects.get().author is None


def test_what_a_second_person_approves_is_not_published_by_a_command(folder, hero, ada):
    (folder / "hero.yaml").write_text(HERO + "needs_approval: true\n")
    told = run("rules_import", folder, publish=True, author=ada.email)
    assert "saved as a draft; a second person has to approve it" in told
    assert not hero.versions.exists()


@pytest.mark.parametrize(
    ("author", "reason"),
    [
        (None, "--author says who wrote it"),
        ("x@example.com", "--author x@example.com: there is no colleague"),
    ],
)
def test_what_a_second_person_approves_is_not_imported_without_its_author(folder, hero, author, reason):
    needing_approval(hero)
    with pytest.raises(CommandError, match=reason):
        run("rules_import", folder, author=author)
    assert not RuleDraft.objects.exists()


@pytest.mark.parametrize("command", ["rules_import", "publish_rules"])
def test_a_file_that_asks_for_no_second_person_takes_none_away(folder, hero, live, ada, command):
    live(LOYAL)
    needing_approval(hero)
    author = {"author": "Ada@example.com"}
    if command == "rules_import":
        assert "saved as a draft; a second person has to approve it" in run(
            command, folder, publish=True, **author
        )
    else:
        assert (
            run(command, folder / "hero.yaml", **author)
            == "Hero waits for approval: 1 rules for the slot hero.\n"
        )
    hero.refresh_from_db()
    assert (hero.needs_approval, hero.versions.count(), hero.draft.author) == (True, 1, ada)


def test_the_second_person_goes_when_that_is_asked_for_and_it_is_noted(folder, hero):
    needing_approval(hero)
    told = run("rules_import", folder, publish=True, drop_approval=True)
    assert "needs approval: False" in told
    assert "published as version 1" in told
    assert AuditEntry.objects.get(action="imported rule set").detail == "needs approval: False"


def test_a_file_gives_published_rules_no_other_slot(folder, hero, live):
    live(LOYAL)
    (folder / "hero.yaml").write_text(HERO.replace("slot: hero", "slot: banner"))
    with pytest.raises(CommandError, match="hero: slot: These rules were published and keep their slot"):
        run("rules_import", folder, publish=True)
    assert (hero.versions.count(), RuleSet.objects.get().slot) == (1, "hero")


def test_nothing_goes_unless_pruning_is_asked_for(folder, hero, live):
    live(LOYAL)
    case(hero, "old", {}, {"show": "default"})
    RuleSet.objects.create(key="empty", name="Empty", slot="empty")
    (folder / "hero.yaml").unlink()
    (folder / "x.yaml").write_text(HERO.replace("hero", "x"))
    run("rules_import", folder)
    assert RuleSet.objects.count() == 3
    told = run("rules_import", folder, prune=True)
    assert told.splitlines()[1:] == ["empty: deleted.", "hero: retired: it decides nothing any more."]
    hero.refresh_from_db()
    assert (hero.live_version, hero.versions.count()) == (None, 1)


def test_tests_that_no_file_names_go_with_pruning_only(folder, hero):
    case(hero, "old", {}, {"show": "default"})
    run("rules_import", folder)
    assert hero.tests.count() == 2
    assert "deleted test “old”" in run("rules_import", folder, prune=True)


def test_the_first_spelling_stays_byte_for_byte(folder, tmp_path_factory):
    run("rules_import", folder, publish=True)
    first, second = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    run("rules_export", first)
    run("rules_import", first, publish=True)
    run("rules_export", second)
    assert (first / "hero.yaml").read_bytes() == (second / "hero.yaml").read_bytes()
    assert (
        (first / "hero.yaml")
        .read_text()
        .startswith("key: hero\nname: Hero\nslot: hero\nrules:\n- name: British\n")
    )


def test_what_stands_there_as_json_stays_json(folder, tmp_path):
    run("rules_import", folder)
    (folder / "hero.yaml").unlink()
    (folder / "hero.json").write_text("{}")
    run("rules_export", folder)
    assert json.loads((folder / "hero.json").read_text())["otherwise"] == {"show": "default"}
    assert not (folder / "hero.yaml").exists()


def test_a_rule_set_keeps_the_file_that_has_its_key_inside(folder):
    (folder / "hero.yaml").rename(folder / "banner.yaml")
    run("rules_import", folder)
    assert run("rules_export", folder) == f"{folder / 'banner.yaml'}\n"
    assert run("rules_import", folder) == "hero: nothing to do.\n"


def test_a_new_rule_set_does_not_take_the_file_of_another(folder, live):
    (folder / "hero.yaml").write_text(
        HERO.replace("key: hero", "key: banner").replace("slot: hero", "slot: x")
    )
    live(BRITISH)
    run("rules_import", folder)
    run("rules_export", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["hero.2.yaml", "hero.yaml"]
    assert run("rules_import", folder) == "banner: nothing to do.\nhero: nothing to do.\n"


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029"], ids=["U+0085", "U+2028", "U+2029"])
def test_line_breaks_of_unicode_are_read_back(mark):
    said = {f"a{mark}b": [f"a{mark}b", mark, f"{mark} a \n{mark}b"]}
    assert load_text(dump_text(said)) == said


def test_a_rule_set_without_rules_has_no_file(hero, tmp_path):
    needing_approval(hero)
    assert run("rules_export", tmp_path) == ""


def test_the_example_is_published_and_contradicts_nothing():
    assert "published as version 1" in run("rules_import", "rules/examples", publish=True)
    assert conflicts(parse_document(RuleSet.objects.get().live_version.document)) == []


def test_the_schema_is_printed():
    assert json.loads(run("rule_schema"))["title"] == "A rule set of Regards"


NAMES = st.text("abcdefgh ü–:#'\"{}-1é\x85\u2028", min_size=1, max_size=12)
VALUES = st.one_of(
    NAMES,
    st.sampled_from(
        ["NO", "true", "null", "~", "1e3", "0x1", "2011-12-10", "- a", "a: b", "1_000", ".5", "=", "<<"]
    ),
    st.booleans(),
    st.integers(-(10**15), 10**15),
    st.floats(-(10**15), 10**15),
)
ACTIONS = st.fixed_dictionaries(
    {"show": NAMES},
    optional={
        "recommend": st.sampled_from(["again", "for_you"])
        | st.fixed_dictionaries(
            {"categories": st.lists(NAMES, min_size=1, max_size=2)},
            optional={"price_from": st.integers(0, 10), "price_to": st.integers(10, 20)}
            | {"most_per_category": st.integers(1, 9)},
        ),
        "set": st.dictionaries(st.sampled_from(["headline", "n", "ü"]), VALUES, max_size=3),
        "exclude": st.fixed_dictionaries({"products": NAMES | st.lists(NAMES, min_size=1, max_size=2)}),
    },
)
RULE = st.fixed_dictionaries({"name": NAMES, "when": CONDITIONS, "then": ACTIONS})
CONTENT = st.fixed_dictionaries(
    {
        "key": st.just("hero"),
        "name": st.just("Hero"),
        "slot": st.just("hero"),
        "rules": st.lists(RULE, max_size=4, unique_by=lambda rule: rule["name"]),
        "otherwise": ACTIONS,
        "tests": st.lists(
            st.fixed_dictionaries(
                {
                    "name": NAMES,
                    "customer": st.just({})
                    | st.fixed_dictionaries({"attributes": st.fixed_dictionaries({"attributes.x": VALUES})}),
                    "expect": st.fixed_dictionaries({"set": st.dictionaries(NAMES, VALUES, max_size=2)}),
                }
            ),
            min_size=1,
            max_size=2,
            unique_by=lambda case: case["name"],
        ),
    }
)


@settings(max_examples=60)
@given(CONTENT)
def test_any_content_is_spelled_once_and_read_back_as_it_was(content):
    for as_json in (False, True):
        spelled = spell(content, as_json=as_json)
        assert load_text(spelled) == content
        assert spell(load_text(spelled), as_json=as_json) == spelled
        assert read_entry(spelled).document == {name: content[name] for name in ("rules", "otherwise")}


def asks_for_others(when):
    """Whether it names segments or stages, which have to be there."""
    return any(word in json.dumps(when) for word in ('"segment"', '"stage"'))


@settings(max_examples=20)
@given(CONTENT)
def test_any_content_survives_the_database_byte_for_byte(tmp_path_factory, content):
    RuleSet.objects.filter(live_version=None).delete()
    content["rules"] = [rule for rule in content["rules"] if not asks_for_others(rule["when"])]
    one, two, three = (tmp_path_factory.mktemp("rules") for _ in range(3))
    (one / "hero.yaml").write_text(json.dumps(content))
    run("rules_import", one, prune=True, replace_drafts=True)
    run("rules_export", two)
    assert run("rules_import", two, prune=True) == "hero: nothing to do.\n"
    run("rules_export", three)
    assert (two / "hero.yaml").read_bytes() == (three / "hero.yaml").read_bytes()


def test_a_test_that_says_true_instead_of_1_is_a_changed_one(folder):
    file = folder / "hero.yaml"
    file.write_text(HERO.replace("attributes: {country: GB}", "attributes: {attributes.club: 1}"))
    run("rules_import", folder)
    file.write_text(HERO.replace("attributes: {country: GB}", "attributes: {attributes.club: true}"))
    assert run("rules_import", folder) == "hero: changed test “Britons”.\n"
    assert RuleTest.objects.get().customer["attributes"] == {"attributes.club": True}


def test_a_form_tells_true_from_1():
    field = TextInYaml()
    assert field.has_changed({"a": True}, "a: 1")
    assert field.has_changed({"a": 1}, "a: true")
    assert not field.has_changed({"a": True}, "a: true")
