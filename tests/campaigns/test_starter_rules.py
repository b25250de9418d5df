"""Rule sets to begin with: their test cases pass, what is edited stays, and their mails can be read."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command

from campaigns.models import Block, Template
from campaigns.previewing import preview
from campaigns.publishing import save_block
from campaigns.starters import FOLDER, install_rules
from customers.models import Customer, Score
from products.models import Promotion, Store
from rules.deciding import document_of
from rules.folders import read_folder
from rules.models import RuleDraft, RuleSet, RuleSetVersion, RuleTest
from segments.models import LifecycleStage

pytestmark = pytest.mark.django_db
KEYS = [
    "starter-behaviour",
    "starter-demographic",
    "starter-lifecycle",
    "starter-location",
    "starter-ltv-high",
    "starter-ltv-low",
    "starter-ltv-medium",
]


@pytest.fixture(autouse=True)
def stages(db: None) -> None:
    """The stages that a shop begins with, which tests that empty the tables may have taken away."""
    import_module("segments.migrations.0009_default_stages").install(apps, None)


def test_one_about_a_stage_that_the_shop_does_not_have_is_left_out() -> None:
    LifecycleStage.objects.filter(key="loyal").delete()
    assert any("left out, as there is no stage loyal." in line for line in install_rules())
    assert set(RuleSet.objects.values_list("key", flat=True)) == set(KEYS) - {"starter-lifecycle"}


def test_they_become_drafts_with_their_test_cases() -> None:
    install_rules()
    assert list(RuleDraft.objects.order_by("rule_set__key").values_list("rule_set__key", flat=True)) == KEYS
    assert RuleTest.objects.count() == sum(len(entry.tests) for entry in read_folder(FOLDER))
    assert not RuleSetVersion.objects.exists()


def test_published_they_have_passed_their_test_cases() -> None:
    install_rules(publish=True)
    assert (
        list(RuleSet.objects.exclude(live_version=None).order_by("key").values_list("key", flat=True)) == KEYS
    )


def test_every_block_they_show_comes_with_them() -> None:
    install_rules(publish=True)
    shown = {
        actions.show
        for version in RuleSetVersion.objects.all()
        for document in [document_of(version)]
        for actions in (*(rule.then for rule in document.rules), document.otherwise)
        if actions.show
    }
    assert shown == set(Block.objects.values_list("key", flat=True))


def test_again_they_change_nothing_that_was_edited(capsys: pytest.CaptureFixture[str]) -> None:
    install_rules()
    save_block(key="starter-welcome", name="Ours", mjml="<mj-text>ours</mj-text>")
    draft = RuleDraft.objects.get(rule_set__key="starter-location")
    draft.document = {"rules": [], "otherwise": {"show": "starter-store-web"}}
    draft.save()
    call_command("starter_rules", "--publish")
    assert capsys.readouterr().out.count("is there already and stays as it is.") == len(KEYS)
    draft.refresh_from_db()
    assert draft.document["rules"] == []
    assert Block.objects.get(key="starter-welcome").newest.mjml == "<mj-text>ours</mj-text>"
    assert not RuleSetVersion.objects.exists()


def test_a_trial_stores_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("starter_rules", "--dry-run")
    assert "Starter: where they live: new rule set" in capsys.readouterr().out
    assert (RuleSet.objects.count(), Block.objects.count(), Template.objects.count()) == (0, 0, 0)


def test_a_slot_that_others_decide_is_left_to_them() -> None:
    RuleSet.objects.create(key="ours", name="Our stores", slot="store")
    said = install_rules()
    assert "Starter: where they live: left out, as Our stores decides the slot store." in said
    assert not RuleSet.objects.filter(key="starter-location").exists()


@pytest.fixture
def mail():
    install_rules(publish=True)
    version = Template.objects.get(key="starter").versions.get()

    def mail(customer_id: int | None) -> str:
        return preview(version, customer_id=customer_id).rendered.html

    return mail


def test_who_lives_near_a_store_reads_its_name_and_what_is_on(mail) -> None:
    leeds = Store.objects.create(
        name="Leeds",
        external_id="s1",
        country="GB",
        region="Yorkshire",
        street="1 Boar Lane",
        latitude=53.8,
        longitude=-1.5,
    )
    Promotion.objects.create(
        key="boots",
        name="Boots",
        headline="20 % off boots",
        regions=["Yorkshire"],
        starts_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    customer = Customer.objects.create(
        country="GB", stage="new", nearest_store=leeds, nearest_store_km=Decimal("4.2")
    )
    html = mail(customer.pk)
    assert "Your store: Leeds" in html
    assert "20 % off boots. It is 4 km to us, 1 Boar Lane." in html
    assert "Welcome" in html
    Customer.objects.update(nearest_store_km=Decimal("0.3"))
    assert "20 % off boots. It is not far to us, 1 Boar Lane." in mail(customer.pk)


def test_somebody_unknown_reads_what_is_for_everybody(mail) -> None:
    html = mail(None)
    assert "We went through the shop" in html
    assert "Our shop on the web brings it to your door." in html
    assert "Your store" not in html


@pytest.mark.parametrize(
    ("percentile", "words"),
    [(80.1, "Before everybody else"), (80, "It goes with what you have"), (50, "What everybody takes home")],
)
def test_each_band_of_value_has_words_of_its_own(mail, percentile: float, words: str) -> None:
    customer = Customer.objects.create(country="GB")
    Score.objects.create(
        customer=customer,
        kind="ltv",
        value=1,
        percentile=percentile,
        model_version="1",
        computed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    html = mail(customer.pk)
    bands = ("Before everybody else", "It goes with what you have", "What everybody takes home")
    assert [one for one in bands if one in html] == [words]
