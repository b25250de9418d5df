"""The members of a segment as a file that a spreadsheet can open without harm."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from common.spreadsheets import defused, restored
from customers import consent
from customers.models import Customer, CustomerFacts
from segments import membership
from segments.exporting import export_lines
from segments.models import Segment

pytestmark = pytest.mark.django_db


def exported(segment: Segment, *columns: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(export_lines(segment, columns)), newline="")))


@pytest.fixture
def members(segment) -> list[Customer]:
    ada = Customer.objects.create(email="ada@example.com", first_name="Ada", country="GB")
    bob = Customer.objects.create(first_name="Bob", country="GB", attributes={"club": "gold", "since": 2019})
    Customer.objects.create(email="carl@example.com", country="DE")
    CustomerFacts.objects.create(customer=bob, orders_count=3, revenue_minor=-1250)
    consent.grant([ada.pk], source="form", proof="ticked")
    membership.refresh(segment)
    return [ada, bob]


def test_each_member_has_a_line_with_the_chosen_columns(segment, members):
    assert exported(segment, "email", "first_name", "consent", "orders_count", "revenue_minor") == [
        [
            "E-mail address",
            "First name",
            "Agreed to marketing e-mail",
            "Orders",
            "Revenue in the smallest coin (cents)",
        ],
        ["ada@example.com", "Ada", "yes", "", ""],
        ["", "Bob", "", "3", "-1250"],
    ]


def test_attributes_of_ones_own_are_columns(segment, members):
    assert exported(segment, "attributes.club", "attributes.since")[2] == ["gold", "2019"]


def test_profiles_without_a_name_to_them_are_left_out(segment, members):
    Customer.objects.filter(pk=members[0].pk).update(is_anonymous=True)
    assert len(exported(segment, "public_id")) == 2


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("@cmd", "'@cmd"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-12.50", "-12.50"),
        ("+44", "+44"),
        ("O'Brien", "O'Brien"),
        ("", ""),
    ],
)
def test_formulas_are_defused_numbers_are_kept_and_both_read_back(segment, text, cell):
    customer = Customer.objects.create(first_name=text, country="GB")
    membership.refresh(segment)
    assert exported(segment, "first_name")[1] == [cell]
    assert (defused(text), restored(cell)) == (cell, customer.first_name)


def test_a_column_that_does_not_exist_is_refused_before_anything_is_sent(segment):
    with pytest.raises(ValueError, match="password"):
        export_lines(segment, ["email", "password"])


def test_queries_do_not_grow_with_the_members(segment, members, django_assert_num_queries):
    with django_assert_num_queries(1):
        exported(segment, "email", "consent", "currency", "orders_count")
    Customer.objects.bulk_create(Customer(country="GB") for _ in range(50))
    membership.refresh(segment)
    with django_assert_num_queries(1):
        assert len(exported(segment, "email", "consent", "currency", "orders_count")) == 53


def test_an_editor_downloads_what_was_chosen_a_viewer_does_not(client: Client, segment, members):
    client.force_login(User.objects.create_user("mia@example.com", role=Role.MARKETER))
    address = reverse("segments:export", args=[segment.key])
    answer = client.post(address, {"columns": ["email", "country"], "attributes": "club"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines == ["E-mail address,Country,club", "ada@example.com,GB,", ",GB,gold"]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="british.csv"'
    client.force_login(User.objects.create_user("vic@example.com", role=Role.VIEWER))
    assert [client.get(address).status_code, client.post(address).status_code] == [403, 403]


@pytest.mark.parametrize(("role", "is_offered"), [(Role.ANALYST, True), (Role.VIEWER, False)])
def test_the_export_is_offered_to_those_who_may_take_it(
    client: Client, segment, role: Role, is_offered: bool
):
    client.force_login(User.objects.create_user("ann@example.com", role=role))
    page = client.get(reverse("segments:detail", args=[segment.key])).content.decode()
    assert (reverse("segments:export", args=[segment.key]) in page) == is_offered


def test_a_form_without_columns_is_sent_back(client: Client, segment):
    client.force_login(User.objects.create_user("mia@example.com", role=Role.MARKETER))
    answer = client.post(reverse("segments:export", args=[segment.key]), {"attributes": ""})
    assert "Choose at least one column" in answer.content.decode()


def test_the_command_writes_the_file(segment, members, tmp_path, capsys):
    path = tmp_path / "out.csv"
    call_command("export_segment", "british", columns="email, country", output=str(path))
    assert path.read_text().splitlines() == ["E-mail address,Country", "ada@example.com,GB", ",GB"]
    assert "2 members of British" in capsys.readouterr().err
    with pytest.raises(CommandError, match="no segment with the key nope"):
        call_command("export_segment", "nope")
