"""Up to six arms, each with its share, words and time of its own."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from campaigns.arm_forms import posted
from campaigns.cloning import clone
from campaigns.drafting import BadDraft, create_campaign
from campaigns.forms import CampaignForm
from campaigns.launching import launch
from campaigns.models import Campaign, Template, TemplateVersion
from campaigns.seals import seal_of_launch
from campaigns.sending import send_due
from campaigns.showing import show_again
from delivery.models import MailboxMessage, Message, Sender
from experiments.models import Experiment
from segments.models import Segment
from tests.campaigns.making import BRITISH, arm, draft, form_data, letter, people
from tests.campaigns.test_pages import signed_in

pytestmark = pytest.mark.django_db
SUBJECTS = [
    arm("Plain", percent=33),
    arm(
        "Question",
        percent=33,
        subject="{{ customer.first_name }}, ready?",
        preheader="Only {{ campaign.name }}",
    ),
    arm("Offer", percent=34, subject="20 % off"),
]


def form(*arms: dict[str, object], **fields: object) -> CampaignForm:
    """The form of a campaign with these arms and fields; arms without a template have one."""
    segment = Segment.objects.create(key="british", name="British", condition=BRITISH)
    sender = Sender.objects.create(from_email="news@shop.example", name="Shop", from_name="Shop")
    template = letter("news").pk
    data = form_data("Spring", segment=segment, sender=sender) | {"baseline_template": template, **fields}
    return CampaignForm(data | posted([{"template": template, **one} for one in arms]))


def errors(one: CampaignForm) -> dict[str, str]:
    """The first error of each field, of arms with their number, and of the arms together."""
    found = {field: said[0] for field, said in one.errors.items()}
    for place, of_arm in enumerate(one.arms.errors):
        found |= {f"{place}-{field}": said[0] for field, said in of_arm.items()}
    of_all = one.arms.non_form_errors()
    return found | ({"arms": of_all[0]} if of_all else {})


def subjects() -> dict[str, set[str]]:
    """The subjects that were sent, by arm."""
    arms = dict(Message.objects.values_list("provider_id", "variant_key"))
    found: dict[str, set[str]] = {}
    for mail in MailboxMessage.objects.all():
        found.setdefault(arms[mail.key], set()).add(
            str(message_from_bytes(bytes(mail.raw), policy=default)["Subject"])
        )
    return found


def test_six_arms_and_both_holdouts_have_weights_that_add_up() -> None:
    campaign = draft(
        no_mail=10,
        baseline_percent=40,
        arms=[arm(f"Arm {n}", percent="16.66") for n in range(5)] + [arm("Last", percent="16.70")],
    )
    weights = dict(campaign.experiment.variants.values_list("key", "weight"))
    assert weights == {"a": 3600, "b": 900, "c": 900, "d": 900, "e": 899, "f": 899, "g": 902, "no_mail": 1000}


def test_each_holdout_has_a_salt_of_its_own() -> None:
    salts = dict(draft(no_mail=10).experiment.variants.values_list("key", "salt"))
    assert salts == {"a": "spring:baseline", "b": "", "no_mail": "spring:no_mail"}


def test_arms_need_no_holdout() -> None:
    campaign = draft(baseline_percent=0, baseline_template="", arms=SUBJECTS, tests="subject")
    plan = list(campaign.experiment.variants.values_list("key", "role", "weight"))
    assert plan == [("b", "treatment", 3300), ("c", "treatment", 3300), ("d", "treatment", 3400)]


@pytest.mark.parametrize(
    ("arms", "fields", "expected"),
    [
        (
            [arm("One", percent=50), arm("Two", percent=49)],
            {},
            {"arms": "The shares of the arms make 99 %: they have to add up to 100 % (50 + 49)."},
        ),
        (
            [arm("One", percent=50), arm("one", percent=50)],
            {},
            {"arms": "Two arms have the same name: how would you tell them apart?"},
        ),
        ([arm("One", subject="{{ broken")], {}, {"0-subject": None}),
        ([arm("One", preheader="{% if %}")], {}, {"0-preheader": None}),
        (
            [arm("One", is_personalised=False)],
            {},
            {"0-strategy": "Without personalisation choose products that are the same for all."},
        ),
        ([arm("One", send_shift_hours=169)], {}, {"0-send_shift_hours": None}),
        ([arm("One", percent=0)], {}, {"0-percent": None}),
        ([arm(f"Arm {n}", percent=1) for n in range(7)], {}, {"arms": "A campaign has 6 arms at most."}),
        ([], {}, {"arms": "A campaign has one arm at least."}),
        (
            [arm("One")],
            {"baseline_template": ""},
            {"baseline_template": "Choose what the baseline gets, or make it 0 %."},
        ),
        (
            [arm("One")],
            {"primary_metric": "human_open", "tests": "template"},
            {
                "primary_metric": "Openings can decide tests of a subject or preheader only: choose clicks, orders "
                "or revenue."
            },
        ),
    ],
    ids=[
        "sum",
        "name",
        "subject",
        "preheader",
        "strategy",
        "shift",
        "zero",
        "seven",
        "none",
        "baseline",
        "opens",
    ],
)
def test_what_makes_no_campaign_is_refused_at_its_place(
    arms: list[dict[str, object]], fields: dict[str, object], expected: dict[str, str | None]
) -> None:
    refused = form(*arms, **fields)
    assert not refused.is_valid()
    found = errors(refused)
    assert list(found) == list(expected)
    assert {key: found[key] for key, said in expected.items() if said} == {
        k: v for k, v in expected.items() if v
    }
    assert TemplateVersion.everything.count() == 1


def test_an_arm_s_own_words_are_sent_and_can_be_shown_again() -> None:
    people(30, first_name="Ada")
    counted = launch(draft("Sale", baseline_percent=0, arms=SUBJECTS, tests="subject").pk)
    send_due(counted.dispatch_id)
    assert subjects() == {"b": {"News"}, "c": {"Ada, ready?"}, "d": {"20 % off"}}
    message = Message.objects.filter(variant_key="c").first()
    assert message is not None
    again = show_again(message)
    assert again.is_identical
    body = message_from_bytes(again.raw, policy=default).get_body(("html",))
    assert body is not None
    assert "Only Sale" in body.get_content()


def test_own_words_are_in_no_template_s_history() -> None:
    draft(baseline_percent=0, arms=SUBJECTS)
    template = Template.objects.get(key="treatment")
    assert list(template.versions.values_list("subject", flat=True)) == ["News"]
    own = TemplateVersion.everything.filter(template=template).exclude(origin=None)
    assert set(own.values_list("number", "subject")) == {
        (1, "{{ customer.first_name }}, ready?"),
        (1, "20 % off"),
    }
    page = signed_in(Role.VIEWER).get(reverse("campaigns:template", args=["treatment"])).content.decode()
    assert "ready?" not in page


def test_a_layout_with_its_own_preview_refuses_another_preheader() -> None:
    body = "<mj-text>Hi</mj-text></mj-column></mj-section></mj-body><mj-head><mj-preview>Mine</mj-preview></mj-head>"
    version = letter("mine", body + "<mj-body><mj-section><mj-column>")
    refused = form(arm("One", template=version.pk, preheader="Theirs"))
    assert not refused.is_valid()
    assert errors(refused)["0-preheader"].startswith("The template's layout has an mj-preview")


def test_two_arms_with_the_same_words_share_a_version() -> None:
    words = {"percent": 50, "subject": "Same"}
    first = draft("First", arms=[arm("One", **words), arm("Two", percent=50)])
    second = draft("Second", arms=[arm("One", **words), arm("Two", percent=50)])
    versions = {one.variants.get(variant__key="b").template_version_id for one in (first, second)}
    assert len(versions) == 1


def test_another_subject_breaks_the_seal_of_a_launch() -> None:
    campaign = draft()
    before = seal_of_launch(campaign)
    campaign.variants.filter(variant__key="b").update(send_shift_hours=3)
    shifted = seal_of_launch(campaign)
    Experiment.objects.filter(pk=campaign.experiment_id).update(winner="auto_send")
    planned = seal_of_launch(Campaign.objects.get(pk=campaign.pk))
    assert len({before, shifted, planned}) == 3


def test_an_arm_is_due_so_many_hours_later_and_so_is_its_clock() -> None:
    people(20)
    campaign = draft(no_mail=20, arms=[arm("Evening", send_shift_hours=9)])
    launch(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.launched_at is not None
    later = campaign.launched_at + timedelta(hours=9)
    due = campaign.recipients.values_list("variant_key", "due_at").distinct()
    assert set(due) == {("a", None), ("b", later), ("no_mail", None)}
    assert set(Message.objects.filter(variant_key="b").values_list("due_at", flat=True)) == {later}
    assert campaign.last_due_at == later


def test_a_clone_has_the_same_arms_and_the_newest_words_under_the_same_subject() -> None:
    campaign = draft(no_mail=10, arms=[arm("Offer", subject="20 % off", send_shift_hours=2)])
    Experiment.objects.filter(pk=campaign.experiment_id).update(method="pocock", looks=3, smallest_effect=0.1)
    campaign = Campaign.objects.get(pk=campaign.pk)
    newest = letter("treatment", "<mj-text>Newer</mj-text>")
    same, fresh = (
        clone(campaign, name="Same", by=None),
        clone(campaign, name="Fresh", by=None, newest_templates=True),
    )
    assert (same.experiment.method, same.experiment.looks, same.experiment.smallest_effect) == (
        "pocock",
        3,
        0.1,
    )
    assert dict(same.experiment.variants.values_list("key", "salt")) == {
        "a": "same:baseline",
        "b": "",
        "no_mail": "same:no_mail",
    }
    copies = [one.variants.get(variant__key="b") for one in (campaign, same, fresh)]
    assert [one.send_shift_hours for one in copies] == [2, 2, 2]
    assert [one.template_version.subject for one in copies] == ["20 % off"] * 3
    assert copies[0].template_version == copies[1].template_version
    assert copies[2].template_version.origin == newest


def test_same_arms_keep_the_holdouts_salts() -> None:
    copy = clone(draft(no_mail=10), name="Again", by=None, same_arms=True)
    assert set(copy.experiment.variants.values_list("salt", flat=True)) == {
        "spring:baseline",
        "",
        "spring:no_mail",
    }


def test_a_file_describes_arms(tmp_path: Path) -> None:
    draft("Any")
    file = tmp_path / "campaign.yaml"
    start = (
        "name: From a file\nsegment: british\nsender: {from_email: news@shop.example}\nprimary_metric: human_click\n"
        "tests: subject\nno_mail_percent: 0\nbaseline_percent: 0\n"
    )
    arms = (
        "arms:\n  - {name: Plain, percent: 50, template: treatment}\n"
        "  - {name: Offer, percent: 50, template: treatment, subject: 20 % off}\n"
    )
    file.write_text(start + arms)
    made = create_campaign(file)
    assert [one.template_version.subject for one in made.variants.order_by("variant__position")] == [
        "News",
        "20 % off",
    ]
    file.write_text(start.replace("From", "Also from") + arms.replace("50", "40"))
    with pytest.raises(BadDraft, match="arms: The shares of the arms make 80 %"):
        create_campaign(file)
    file.write_text(
        start.replace("From", "Also from") + arms.replace("template: treatment,", "template: nothing,")
    )
    with pytest.raises(BadDraft, match="there is no template 'nothing'"):
        create_campaign(file)


def test_the_page_stores_arms_and_says_what_the_shares_mean(client: Client) -> None:
    draft("Any")
    marketer = signed_in(Role.MARKETER)
    segment, sender = Segment.objects.get(key="british"), Sender.objects.get()
    template = TemplateVersion.objects.get(template__key="treatment").pk
    data = form_data("Summer", segment=segment, sender=sender, no_mail=10) | {"baseline_template": template}
    arms = posted([arm("One", percent=60, template=template), arm("Two", percent=40, template=template)])
    said = marketer.get(reverse("campaigns:split"), data | arms).content.decode()
    assert (
        "Of 10,000 people 1,000 get <strong>no mail</strong>, 4,500 get <strong>the baseline</strong>" in said
    )
    assert "2,700 get <strong>One</strong> and 1,800 get <strong>Two</strong>." in said
    answer = marketer.post(reverse("campaigns:new"), data | arms)
    assert answer["Location"] == "/campaigns/summer/"
    page = marketer.get("/campaigns/summer/").content.decode()
    assert "27.0 %" in page
    wrong = marketer.get(reverse("campaigns:split"), data | posted([arm("One", percent=60)])).content.decode()
    assert "The shares of the arms make 60 %" in wrong


def test_an_unused_arm_of_the_form_is_left_out(client: Client) -> None:
    draft("Any")
    marketer = signed_in(Role.MARKETER)
    template = TemplateVersion.objects.get(template__key="treatment").pk
    data = form_data("Summer", segment=Segment.objects.get(), sender=Sender.objects.get())
    empty = {"name": "", "percent": "", "template": "", "strategy": "bestsellers", "is_personalised": "on"}
    arms = posted([arm("One", template=template), empty, empty])
    marketer.post(reverse("campaigns:new"), data | {"baseline_template": template} | arms)
    made = Experiment.objects.get(key="summer")
    assert list(made.variants.values_list("name", flat=True)) == ["Baseline", "One"]
