from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from customers.merging import merge
from customers.models import Customer, CustomerIdentity, PeopleImport
from segments import lists, membership
from segments.lists import BadList
from segments.models import ListFill, Segment

pytestmark = pytest.mark.django_db


@pytest.fixture
def vips(db) -> Segment:
    return Segment.objects.create(key="vips", name="VIPs", kind="static")


def emails(segment: Segment) -> list[str]:
    return sorted(membership.members(segment).values_list("email", flat=True))


def a_person(name: str, **values: object) -> Customer:
    return Customer.objects.create(email=f"{name}@example.com", **values)


def test_lines_name_customers_by_address_by_our_id_and_by_the_shops(vips):
    ann, bob, cy = a_person("ann"), a_person("bob"), a_person("cy")
    CustomerIdentity.objects.create(namespace="shop", value="C-3", customer=cy)
    lines = [" ann@EXAMPLE.com \n", f"{bob.public_id}\n", "\n", "C-3\n", "who?\n"]
    done = lists.fill(vips, lists.read(lines), name="x.csv")
    assert emails(vips) == ["ann@example.com", "bob@example.com", "cy@example.com"]
    assert (done.lines, done.matched, done.unknown_count) == (4, 3, 1)
    assert done.unknown == "who?,nobody has this address or id\r\n"
    assert ann.memberships.get().segment == vips


def test_the_column_with_a_known_heading_is_read(vips):
    a_person("ann")
    lists.fill(vips, lists.read(["name;E-Mail\n", "Ann;ann@example.com\n", "short\n"]), name="x.csv")
    assert emails(vips) == ["ann@example.com"]
    assert ListFill.objects.get().lines == 2


def test_an_id_that_several_customers_have_names_nobody(vips):
    for source, name in (("shop", "ann"), ("till", "bob")):
        CustomerIdentity.objects.create(namespace=source, value="7", customer=a_person(name))
    done = lists.fill(vips, lists.read(["7\n"]), name="x.csv")
    assert (done.matched, done.unknown) == (0, "7,several customers have this id\r\n")


def test_visitors_are_not_put_on_a_list(vips):
    visitor = Customer.objects.create(is_anonymous=True)
    done = lists.fill(vips, lists.read([f"{visitor.public_id}\n"]), name="x")
    assert done.unknown.endswith("an anonymous visitor\r\n")


def test_lines_that_are_no_names_are_refused_one_by_one(vips):
    a_person("ann")
    done = lists.fill(vips, lists.read(["ann@example.com\n", "a" * 400 + "\n", "=1+1\n", "@@\n"]), name="x")
    assert (done.matched, done.unknown_count) == (1, 3)
    assert "'=1+1," in done.unknown


def test_a_second_file_adds_and_may_replace(vips):
    for name in ("ann", "bob"):
        a_person(name)
    lists.fill(vips, lists.read(["ann@example.com\n"]), name="1")
    lists.fill(vips, lists.read(["bob@example.com\n"]), name="2")
    assert emails(vips) == ["ann@example.com", "bob@example.com"]
    lists.fill(vips, lists.read(["bob@example.com\n"]), name="3", replaces=True)
    assert emails(vips) == ["bob@example.com"]


def test_who_was_merged_while_the_file_was_read_is_listed_as_who_they_are_now(vips):
    ann, bob = a_person("ann"), a_person("bob")
    named = lists.read(["ann@example.com\n"])
    merge(bob.pk, ann.pk, cause="test")
    lists.fill(vips, named, name="x")
    assert [one.customer for one in vips.listed.all()] == [bob]


@pytest.mark.parametrize("text", [[], ["\n", "  \n"]])
def test_a_file_without_lines_is_refused(vips, text):
    with pytest.raises(BadList, match="no line"):
        lists.fill(vips, lists.read(text), name="x")
    assert not ListFill.objects.exists()


def test_a_segment_kept_by_a_condition_has_no_list(segment):
    with pytest.raises(BadList, match="kept by its condition"):
        lists.fill(segment, lists.read(["x\n"]), name="x")


def test_present_members_are_frozen(vips, segment):
    person = a_person("ann", country="GB")
    membership.refresh(segment)
    lists.freeze(vips, segment)
    Customer.objects.update(country="DE")
    membership.refresh_all()
    assert (segment.memberships.count(), vips.memberships.get().customer) == (0, person)


def test_an_imported_list_fills_a_segment(vips):
    CustomerIdentity.objects.create(namespace="fair", value="1", customer=a_person("ann"))
    a_person("bob", source="fair")
    a_person("cy", source="shop")
    job = PeopleImport.objects.create(name="fair.csv", state="done", mapping={"source": "fair"})
    assert lists.take_import(vips, job).matched == 2
    assert emails(vips) == ["ann@example.com", "bob@example.com"]


def test_one_customer_is_put_on_and_taken_off(vips):
    ann = a_person("ann")
    assert [lists.add_one(vips, ann), lists.add_one(vips, ann)] == [True, False]
    assert emails(vips) == ["ann@example.com"]
    assert [lists.remove_one(vips, ann), lists.remove_one(vips, ann)] == [True, False]
    assert emails(vips) == []


def test_a_part_of_a_segment_loses_who_leaves_that_and_gets_them_back(vips, segment):
    person = a_person("ann", country="GB")
    vips.parent = segment
    membership.store(vips)
    lists.add_one(vips, person)
    for country, members in (("GB", 1), ("DE", 0), ("GB", 1)):
        Customer.objects.update(country=country)
        membership.refresh_all()
        assert vips.memberships.count() == members


def test_a_merge_keeps_the_survivor_on_the_list(vips):
    ann, bob = a_person("ann"), a_person("bob")
    lists.add_one(vips, bob)
    merge(ann.pk, bob.pk, cause="test")
    while membership.refresh_touched():
        pass
    assert vips.memberships.get().customer == ann


def test_the_command_makes_and_fills_a_segment(tmp_path):
    a_person("ann")
    path = tmp_path / "list.csv"
    path.write_text("\ufeffemail\nann@example.com\nnobody@example.com\n")
    out = StringIO()
    call_command("fill_segment", "fair", str(path), name="Fair", stdout=out)
    assert out.getvalue() == "Fair: 2 lines name 1 customers; 1 name nobody. 1 members.\n"


@pytest.mark.parametrize(
    "arguments", [["fair", "no/such/file", "--name=x"], ["fair", "x"], ["f f", "x", "--name=x"]]
)
def test_a_command_that_cannot_fill_makes_nothing(arguments):
    with pytest.raises(CommandError):
        call_command("fill_segment", *arguments)
    assert not Segment.objects.exists()


def test_a_file_is_uploaded_and_what_named_nobody_downloaded(client, marketer):
    a_person("ann")
    file = SimpleUploadedFile("fair.csv", b"email\nann@example.com\nwho@example.com\n")
    page = client.post(
        reverse("segments:new_list"), {"name": "Fair", "file": file}, follow=True
    ).content.decode()
    assert "1 customers were named in fair.csv. 1 lines name nobody we know." in page
    unknown = client.get(reverse("segments:list_unknown", args=["fair", ListFill.objects.get().pk]))
    assert unknown.content.decode() == "line,reason\r\nwho@example.com,nobody has this address or id\r\n"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00x", b"", b"\x00\n"])
def test_a_file_that_is_no_list_changes_nothing(client, marketer, content):
    answer = client.post(
        reverse("segments:new_list"), {"name": "Fair", "file": SimpleUploadedFile("x.csv", content)}
    )
    assert answer.status_code in (200, 302)
    assert not Segment.objects.filter(member_count__gt=0).exists()


def test_one_customer_is_added_on_the_page(client, marketer, vips):
    person = a_person("ann")
    address = reverse("segments:list_member", args=["vips"])
    page = client.post(address, {"customer": person.email, "act": "add"}, follow=True).content.decode()
    assert "Put on the list." in page
    why = client.get(reverse("segments:why", args=["vips", person.public_id])).content.decode()
    assert "Is on the list" in why
    assert "Nobody has this" in client.post(address, {"customer": "x"}, follow=True).content.decode()
