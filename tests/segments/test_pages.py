import json

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from accounts.models import AuditEntry
from customers.models import Consent, Customer
from segments import membership
from segments.conditions import parse
from segments.drafting import KINDS, document_of, draft_of
from segments.models import Segment
from segments.starters import Shop, starters
from tests.segments.test_conditions_in_words import AT_RISK
from tests.segments.worlds import NOW

pytestmark = pytest.mark.django_db
PROFILE = {"name": "At risk", "description": "", "as_of": ""}


@pytest.fixture
def marketer(client):
    user = get_user_model().objects.create_user("ada@example.com", "x", role="marketer")
    client.force_login(user)
    return user


@pytest.fixture
def viewer(client):
    client.force_login(get_user_model().objects.create_user("vi@example.com", "x"))


def rows(*children: dict[str, str], match: str = "all") -> dict[str, str]:
    """Write a form as the browser would send it."""
    posted = {"c.kind": "group", "c.match": match, "c.size": str(len(children))}
    for position, child in enumerate(children):
        posted |= {f"c.{position}.{name}": value for name, value in child.items()}
    return posted


BRITISH = {"kind": "attribute", "field": "attribute:country", "op": "eq", "value": "GB"}
OFTEN = {"kind": "event", "has": "yes", "event": "order_placed", "op": "gte", "times": "3"} | {
    "amount": "90",
    "unit": "days",
    "category": "",
}
QUIET = OFTEN | {"has": "no", "times": "1", "amount": "30"}


def test_the_list_says_who_is_in_each_segment(client, viewer, segment):
    page = client.get(reverse("segments:list")).content.decode()
    assert "Lives in United Kingdom." in page
    assert reverse("segments:new") not in page


def test_the_list_takes_the_same_queries_for_any_number(
    client, viewer, segment, django_assert_max_num_queries
):
    Segment.objects.bulk_create(Segment(key=f"s{n}", name=f"S{n}", condition={"all": []}) for n in range(30))
    with django_assert_max_num_queries(5):
        client.get(reverse("segments:list"))


def test_an_empty_list_says_what_to_do(client, marketer):
    assert "No segments yet" in client.get(reverse("segments:list")).content.decode()


def test_rows_are_saved_as_a_condition_and_the_segment_is_filled(client, marketer):
    Customer.objects.create(country="GB")
    posted = PROFILE | rows(BRITISH, QUIET) | {"act": "save"}
    response = client.post(reverse("segments:new"), posted)
    segment = Segment.objects.get()
    assert response.url == reverse("segments:detail", args=["at-risk"])
    assert segment.condition == {
        "all": [
            {"attribute": "country", "op": "eq", "value": "GB"},
            {"not": {"event": "order_placed", "within": {"days": 30}}},
        ]
    }
    assert (segment.member_count, segment.created_by) == (1, marketer)


def test_a_row_that_cannot_be_meant_stores_nothing_and_is_named(client, marketer):
    posted = PROFILE | rows(BRITISH, OFTEN | {"times": "many"}) | {"act": "save"}
    page = client.post(reverse("segments:new"), posted).content.decode()
    assert "Condition 2: expected a number" in page
    assert 'value="many"' in page
    assert not Segment.objects.exists()


def test_who_may_only_look_cannot_save(client, viewer, segment):
    address = reverse("segments:edit", args=[segment.key])
    assert client.get(address).status_code == 403
    assert client.post(address, PROFILE | rows() | {"act": "save"}).status_code == 403
    assert client.post(reverse("segments:refresh", args=[segment.key])).status_code == 403
    segment.refresh_from_db()
    assert (segment.name, segment.refreshed_at) == ("British", None)


@pytest.mark.parametrize("act", [f"add-{kind}:c" for kind in (*KINDS, "group")])
def test_a_button_adds_a_row_and_stores_nothing(client, marketer, act):
    address, posted = reverse("segments:new"), rows(BRITISH) | {"act": act}
    response = client.post(address, posted, headers={"HX-Request": "true"})
    page = response.content.decode()
    assert 'name="c.size" value="2"' in page
    assert "<html" not in page
    assert response["HX-Trigger-After-Settle"] == "draft-changed"
    assert not Segment.objects.exists()


def test_a_button_removes_its_row(client, marketer):
    posted = rows(BRITISH, OFTEN) | {"act": "remove:c.0"}
    page = client.post(reverse("segments:new"), posted).content.decode()
    assert 'name="c.size" value="1"' in page
    assert 'name="c.0.event"' in page


@pytest.mark.parametrize("act", ["remove:c", "remove:c.9", "remove:", "add-group:c.0.0", "nonsense", ":::"])
def test_a_button_that_means_nothing_does_nothing(client, marketer, act):
    page = client.post(reverse("segments:new"), rows(BRITISH) | {"act": act}).content.decode()
    assert 'name="c.size" value="1"' in page


@pytest.mark.parametrize(
    "condition",
    [
        AT_RISK,
        {"attribute": "attributes.tier", "op": "in", "value": ["gold", "silver"]},
        {"any": [{"fact": "revenue_minor", "op": "gte", "value": 15050}, {"all": [{"segment": "british"}]}]},
        {"fact": "last_order_at", "op": "older_than", "value": {"weeks": 2}},
        {"event": "product_viewed", "where": {"category": "camping", "value": {"gte": 5}}},
        {"event": "product_added", "where": {"value": {"gte": 5000}}, "not_followed_by": "order_placed"},
        {"event": "custom", "name": "Quiz Finished", "followed_by": {"event": "custom", "name": "Tour"}},
        {"any": [{"stage": "churned"}, {"event": "order_placed", "only": "first"}]},
        {"event": "order_placed", "followed_by": {"event": "searched", "within": {"hours": 1}}},
        {"event": "order_placed", "sum": {"of": "value", "gte": 1}, "before": {"hours": 1}},
        {"not": {"any": [{"consent": "marketing_email"}, {"attribute": "attributes.n", "value": 3}]}},
        {"all": [{"any": [{"all": [{"any": [{"all": [{"segment": "british"}]}]}]}]}]},
    ],
)
def test_any_condition_comes_out_of_the_editor_as_it_went_in(client, marketer, segment, stages, condition):
    from html.parser import HTMLParser

    class Form(HTMLParser):
        def __init__(self):
            super().__init__()
            self.values, self.select = {}, None

        def handle_starttag(self, tag, attributes):
            given = dict(attributes)
            if tag == "input" and given.get("name", "").startswith("c."):
                self.values[given["name"]] = given.get("value", "")
            elif tag == "select":
                self.select = given.get("name")
            elif tag == "option" and (self.select not in self.values or "selected" in given):
                self.values[self.select] = given["value"]

    edited = Segment.objects.create(key="edited", name="Edited", condition=condition)
    address = reverse("segments:edit", args=["edited"])
    form = Form()
    form.feed(client.get(address).content.decode())
    client.post(address, PROFILE | form.values | {"act": "save"})
    edited.refresh_from_db()
    expected = condition if "all" in condition or "any" in condition else {"all": [condition]}
    assert edited.name == "At risk"
    assert parse(edited.condition) == parse(expected)


def test_the_sentences_say_all_that_the_starters_do(client, marketer, stages):
    """Nothing of them is carried along as JSON; saved again from the form, they mean the same."""
    for starter in starters(Shop()):
        draft = draft_of(starter.condition)
        assert [row.kind for row in draft.children if row.kind == "other"] == [], starter.key
        whole = starter.condition if "all" in starter.condition else {"all": [starter.condition]}
        assert parse(document_of(draft)) == parse(whole), starter.key


SPENT = {"event": "order_placed", "within": {"days": 90}, "sum": {"of": "value", "gte": 50050}}


@pytest.mark.parametrize(
    "condition",
    [
        SPENT,
        {"not": {"event": "order_placed", "avg": {"of": "value", "lt": 5000}}},
        {"event": "order_line", "sum": {"of": "quantity", "gt": 10}},
        {"event": "order_placed", "distinct": {"of": "days", "gte": 3}},
        {"event": "product_added", "where": {"value": {"gt": 5000}}, "not_followed_by": "order_placed"},
        {"score": "ltv", "op": "top_percent", "value": 20},
        {"not": {"score": "our_own", "op": "gte", "value": 2.5}},
        {"not": {"stage": "churned"}},
        {"consent": "marketing_email"},
    ],
)
def test_a_sentence_stands_for_each_of_these(condition):
    draft = draft_of(condition)
    assert [row.kind for row in draft.children] != ["other"]
    assert parse(document_of(draft)) == parse({"all": [condition]})


def test_a_sum_is_typed_in_the_currency_and_stored_in_minor_units(client, marketer):
    spent = OFTEN | {"measure": "sum:value", "times": "500.50"}
    client.post(reverse("segments:new"), PROFILE | rows(spent) | {"act": "save"})
    assert Segment.objects.get().condition == {"all": [SPENT]}


def test_json_is_the_other_way_to_write_a_condition(client, marketer):
    posted = PROFILE | {"json": json.dumps(AT_RISK), "act": "save"}
    client.post(reverse("segments:new"), posted)
    assert Segment.objects.get().condition == AT_RISK


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{", "This is neither JSON nor YAML"),
        ('{"all": [{"event": "x"}]}', "Condition 1: there is no event"),
        ("7", "expected an object"),
    ],
)
def test_json_that_cannot_be_meant_is_kept_for_correction(client, marketer, written, sentence):
    page = client.post(reverse("segments:new"), PROFILE | {"json": written, "act": "save"}).content.decode()
    assert sentence in page
    assert '<textarea class="form-control font-monospace"' in page
    assert not Segment.objects.exists()


def test_rows_turn_into_json_and_back(client, marketer):
    address = reverse("segments:new")
    page = client.post(address, rows(BRITISH) | {"act": "json"}).content.decode()
    assert "&quot;country&quot;" in page
    back = client.post(address, {"json": json.dumps(AT_RISK), "act": "rows"}).content.decode()
    assert 'name="c.size" value="3"' in back


def test_the_count_follows_the_draft(client, marketer):
    person = Customer.objects.create(country="GB", first_name="Ada")
    Customer.objects.create(country="DE")
    Consent.objects.create(customer=person, is_granted=True, changed_at=NOW, source="form")
    page = client.post(reverse("segments:count"), rows(BRITISH)).content.decode()
    assert "of 2 customers" in page
    assert "1 of them have consented" in page
    assert "Lives in United Kingdom." in page
    assert "<li>Ada</li>" in page


def test_the_count_of_an_incomplete_draft_says_what_is_missing(client, marketer):
    page = client.post(reverse("segments:count"), rows(BRITISH | {"value": ""})).content.decode()
    assert "Condition 1: a text has 1 to 500 characters" in page


def test_the_page_explains_one_customer(client, viewer, segment):
    ada = Customer.objects.create(email="ada@example.com", country="DE")
    address = reverse("segments:detail", args=[segment.key])
    page = client.get(address, {"customer": "ada@example.com"}, follow=True)
    assert page.redirect_chain == [(reverse("segments:why", args=[segment.key, ada.public_id]), 302)]
    assert "<strong>does not fit</strong>" in page.content.decode()
    assert "country: DE" in page.content.decode()
    assert "Nobody has this e-mail address" in client.get(address, {"customer": "x"}).content.decode()


def test_looking_why_is_written_into_the_audit_trail(client, viewer, segment):
    ada = Customer.objects.create(email="ada@example.com")
    client.get(reverse("segments:why", args=[segment.key, ada.public_id]))
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.object_id, entry.detail) == (
        "looked why somebody fits",
        str(ada.pk),
        "british",
    )


def test_why_says_what_is_stored_and_that_a_refresh_is_due(client, viewer, segment):
    ada = Customer.objects.create(country="GB")
    address = reverse("segments:why", args=[segment.key, ada.public_id])
    assert "Fits by now, and enters when the segment is refreshed." in client.get(address).content.decode()
    membership.refresh(segment)
    page = client.get(address).content.decode()
    assert "A member since" in page
    assert "time passing" in page


@pytest.mark.parametrize("condition", [{"event": "danced"}, {"all": []}])
def test_why_answers_for_anonymous_visitors_and_broken_conditions(client, viewer, segment, condition):
    visitor = Customer.objects.create(is_anonymous=True)
    Segment.objects.update(condition=condition)
    page = client.get(reverse("segments:why", args=[segment.key, visitor.public_id])).content.decode()
    assert ("cannot be read" in page) or ("anonymous visitor" in page)


def test_a_refresh_by_hand_tells_what_changed(client, marketer, segment):
    Customer.objects.create(country="GB")
    response = client.post(reverse("segments:refresh", args=[segment.key]), follow=True)
    assert "1 customers entered, 0 left." in response.content.decode()


def test_the_admin_refuses_a_condition_that_cannot_be_meant(client):
    client.force_login(get_user_model().objects.create_superuser("root@example.com", "x"))
    posted = {"name": "X", "key": "x", "condition": '{"event": "x"}'}
    page = client.post(reverse("admin:segments_segment_add"), posted).content.decode()
    assert "there is no event" in page
    client.post(reverse("admin:segments_segment_add"), posted | {"condition": '{"all": []}'})
    assert Segment.objects.get().refreshed_at is not None


def test_a_new_segment_begins_with_one_sentence(client, marketer):
    page = client.get(reverse("segments:new")).content.decode()
    assert 'name="c.size" value="1"' in page
    assert 'name="c.0.value" value=""' in page


@pytest.mark.parametrize("written", ["1e3000000", "1e9999999", "-1e999999999", "NaN", "Infinity"])
@pytest.mark.parametrize("field", ["fact:orders_count", "fact:revenue_minor"])
def test_a_number_too_large_to_write_out_is_refused_at_once(client, marketer, field, written):
    row = {"kind": "attribute", "field": field, "op": "gte", "value": written}
    answer = client.post(reverse("segments:count"), rows(row))
    assert answer.status_code == 200
    assert "number" in answer.content.decode()


def test_a_segment_of_more_rows_than_the_form_holds_loses_none(client, marketer, segment):
    many = {"any": [{"attribute": "city", "value": f"C{n}"} for n in range(60)]}
    Segment.objects.update(condition=many)
    address = reverse("segments:edit", args=["british"])
    assert client.get(address).content.decode().count('name="c.0.json"') == 1
    other = {"kind": "other", "json": json.dumps(many)}
    client.post(address, {**PROFILE, **rows(other), "act": "save"})
    assert Segment.objects.get().condition == {"all": [many]}


def test_a_moment_outside_of_the_calendar_is_refused(client, marketer):
    answer = client.post(
        reverse("segments:new"), {**PROFILE, "as_of": "0001-01-01T00:00", **rows(QUIET), "act": "save"}
    )
    assert answer.status_code == 200
    assert not Segment.objects.exists()


def test_an_unprintable_question_for_a_customer_finds_nobody(client, viewer, segment):
    page = client.get(reverse("segments:detail", args=["british"]), {"customer": "\0"})
    assert "Nobody has this e-mail address or id." in page.content.decode()


def test_a_segment_that_others_are_built_on_is_not_deleted(client, segment):
    client.force_login(get_user_model().objects.create_superuser("boss@example.com", "x"))
    outer = Segment.objects.create(key="outer", name="Outer", condition={"not": {"segment": "british"}})
    delete = reverse("admin:segments_segment_delete", args=[segment.pk])
    assert "“Outer” is built on “British”" in client.get(delete).content.decode()
    client.post(delete, {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [segment.pk], "post": "yes"}
    client.post(reverse("admin:segments_segment_changelist"), chosen)
    assert Segment.objects.count() == 2
    client.post(reverse("admin:segments_segment_delete", args=[outer.pk]), {"post": "yes"})
    assert Segment.objects.get() == segment
