"""Preflight: everybody's mail is written before the launch, and what is wrong is counted once."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Role, User
from campaigns import preflighting, preflights
from campaigns.coupons import add_codes
from campaigns.launching import LaunchRefused, launch, obstacles
from campaigns.models import Campaign, CouponPool, PreflightExample, PreflightRun
from campaigns.publishing import save_block
from customers.consent import grant, suppress
from customers.models import Purpose
from delivery.models import Message
from tests.campaigns.making import BODY, bestsellers, draft, letter, people, rules

pytestmark = pytest.mark.django_db


def checked(campaign: Campaign, **options: int) -> PreflightRun:
    """A preflight from its beginning to its end."""
    run = preflighting.begin(campaign, by=None)
    assert preflighting.advance(run.pk, **options) is False
    run.refresh_from_db()
    return run


def found(run: PreflightRun) -> dict[tuple[str, str], int]:
    return {(one.kind, one.about): one.count for one in run.findings.all()}


def both(body: str, **options: object) -> Campaign:
    return draft(body=body, baseline=body, **options)


def test_whole_mails_are_counted_and_nothing_is_found() -> None:
    people(7)
    people(2, consenting=False)
    [bounced] = people(1)
    suppress(str(bounced.email), "hard_bounce")
    run = checked(draft())
    assert (run.state, run.total, run.done, found(run)) == ("done", 7, 7, {})
    assert not Message.objects.exists()


def test_a_gap_and_a_default_are_told_apart_with_three_examples_each() -> None:
    people(5)
    people(2, first_name="Ada", last_name="Byron")
    body = '<mj-text>{{ customer.first_name }} {{ customer.last_name | default: "friend" }}</mj-text>'
    run = checked(both(body), chunk=3)
    assert found(run) == {
        ("blank_value", "customer.first_name"): 5,
        ("fallback_value", "customer.last_name"): 5,
    }
    assert PreflightExample.objects.count() == 6


def test_a_subject_of_nothing_but_data_that_is_missing_blocks_the_launch() -> None:
    people(3)
    campaign = draft()
    version = letter("named", BODY, subject="{{ customer.first_name }}")
    campaign.variants.update(template_version=version)
    run = checked(campaign)
    assert found(run)[("no_subject", "")] == 3
    with pytest.raises(LaunchRefused, match="Preflight: The subject is empty, 3 times"):
        launch(campaign.pk)
    assert not Message.objects.exists()


def test_a_link_of_bad_data_blocks_and_an_empty_slot_does_not() -> None:
    people(2, attributes={"page": "javascript:alert(1)"})
    campaign = both(
        '<mj-text><a href="{{ page }}">x</a></mj-text>{% slot "hero" %}<mj-text>y</mj-text>{% endslot %}'
    )
    assert found(checked(campaign)) == {("unsafe_link", ""): 2, ("empty_slot", "hero"): 2}
    assert obstacles(campaign) == ["Preflight: A link made of data leads nowhere, 2 times."]


def test_coupon_codes_that_will_not_do_block_the_launch() -> None:
    people(4)
    pool = CouponPool.objects.create(key="spring", name="Spring")
    add_codes(pool, ["A", "B", "C"])
    campaign = both("<mj-text>{{ coupons.spring }}</mj-text>")
    assert found(checked(campaign)) == {("coupons", "spring"): 4, ("too_few_coupons", "spring"): 1}
    add_codes(pool, ["D"])
    assert found(checked(campaign)) == {("coupons", "spring"): 4}
    assert pool.codes.filter(message=None).count() == 4


def test_a_mail_that_cannot_be_written_is_a_finding_and_the_others_go_on() -> None:
    people(2)
    people(1, attributes={"count": "many"})
    campaign = both("<mj-text>{{ count | default: 1 | times: 2 }}{{ 4 | divided_by: zero }}</mj-text>")
    run = checked(campaign)
    assert found(run)[("cannot_be_written", "")] == 3
    assert run.done == 3


def test_a_killed_worker_s_run_goes_on_where_it_was_and_counts_nobody_twice() -> None:
    people(7)
    campaign = both("<mj-text>{{ customer.first_name }}</mj-text>")
    run = preflighting.begin(campaign, by=None)
    assert preflighting.advance(run.pk, seconds=0, chunk=3) is True
    assert preflighting.waiting() == [run.pk]
    PreflightRun.objects.update(lease_until="2020-01-01T00:00Z")
    assert preflighting.advance(run.pk, chunk=3) is False
    run.refresh_from_db()
    assert (run.state, run.done, found(run)) == ("done", 7, {("blank_value", "customer.first_name"): 7})


def test_a_run_that_another_worker_holds_is_left_alone() -> None:
    people(2)
    run = preflighting.begin(draft(), by=None)
    PreflightRun.objects.update(lease_until="2100-01-01T00:00Z")
    assert preflighting.advance(run.pk) is False
    assert preflighting.waiting() == []
    run.refresh_from_db()
    assert (run.state, run.done) == ("running", 0)


def test_a_cancelled_run_stops_and_keeps_nothing_more() -> None:
    people(6)
    campaign = draft()
    run = preflighting.begin(campaign, by=None)
    preflighting.advance(run.pk, seconds=0, chunk=2)
    assert preflighting.cancel(campaign)
    assert preflighting.advance(run.pk) is False
    run.refresh_from_db()
    assert (run.state, run.done) == ("cancelled", 2)
    assert preflighting.cancel(campaign) is False


def test_two_who_ask_at_once_get_one_run() -> None:
    people(1)
    campaign = draft()
    assert preflighting.begin(campaign, by=None) == preflighting.begin(campaign, by=None)


def test_a_change_of_a_block_that_rules_show_makes_it_out_of_date() -> None:
    people(2)
    save_block(key="offer", name="Offer", mjml="<mj-text>One</mj-text>")
    save_block(key="other", name="Other", mjml="<mj-text>Two</mj-text>")
    rules(otherwise={"show": "offer"})
    campaign = both('<mj-text>x</mj-text>{% slot "hero" %}<mj-text>y</mj-text>{% endslot %}')
    run = checked(campaign)
    save_block(key="other", name="Other", mjml="<mj-text>Three</mj-text>")
    assert not preflights.is_stale(run, campaign)
    save_block(key="offer", name="Offer", mjml="<mj-text>Four</mj-text>")
    assert preflights.is_stale(run, campaign)


def test_a_change_of_the_segment_s_condition_makes_it_out_of_date() -> None:
    people(2)
    campaign = draft()
    run = checked(campaign)
    campaign.segment.condition = {"attribute": "country", "value": "IE"}
    campaign.segment.save()
    assert preflights.is_stale(run, campaign)


def test_a_launch_takes_a_fresh_preflight_where_that_is_asked_for(settings: Settings) -> None:
    settings.LAUNCH_NEEDS_PREFLIGHT = True
    people(2)
    campaign = draft()
    assert obstacles(campaign) == ["Nobody has checked the mails since the last change: begin a preflight."]
    checked(campaign)
    assert obstacles(campaign) == []


def test_the_page_begins_a_run_shows_what_was_found_and_who(client: Client) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    people(3)
    campaign = both("<mj-text>{{ customer.first_name }}</mj-text>")
    address = f"/campaigns/{campaign.key}/preflight/"
    assert "Nobody’s mail has been checked yet" in client.get(address).content.decode()
    client.post(f"{address}begin/")
    assert "Counting who would get a mail" in client.get(f"{address}progress/").content.decode()
    preflighting.advance(PreflightRun.objects.get().pk)
    assert client.get(f"{address}progress/").headers["HX-Refresh"] == "true"
    page = client.get(address).content.decode()
    assert "A value is missing and leaves a gap: <code>customer.first_name</code>" in page
    assert page.count("c1@example.com") >= 1


def test_a_viewer_reads_it_and_begins_nothing(client: Client) -> None:
    client.force_login(User.objects.create_user("v@example.com", role=Role.VIEWER))
    campaign = draft()
    assert client.get(f"/campaigns/{campaign.key}/preflight/").status_code == 200
    assert client.post(f"/campaigns/{campaign.key}/preflight/begin/").status_code == 403
    assert not PreflightRun.objects.exists()


def test_what_nobody_expected_ends_the_preflight_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    people(2)

    def fails(*args: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(preflighting, "judge", fails)
    run = checked(draft())
    assert (run.state, run.error, run.lease_until) == (
        "failed",
        "Unexpected: KeyError. The log says more.",
        None,
    )


def test_products_chosen_at_opening_are_counted_and_who_stays_without(settings: Settings) -> None:
    settings.TRACKING_NEEDS_CONSENT = True
    bestsellers(3)
    noted = people(2)
    people(3)
    grant([one.pk for one in noted], source="test", purpose=Purpose.OPEN_TRACKING)
    tag = '{% recommendations k: 2, open_time: true %}<mj-image src="{{ product.image_url }}" alt="x" />'
    run = checked(both(tag + "{% endrecommendations %}"))
    assert found(run) == {("at_opening", ""): 2, ("not_at_opening", ""): 3}
    assert not obstacles(run.campaign)
