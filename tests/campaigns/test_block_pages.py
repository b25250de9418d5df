"""Blocks are written in versions, on pages of their own."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from campaigns.models import Block, BlockVersion
from campaigns.publishing import TemplateRefused, save_block
from tests.campaigns.making import people

pytestmark = pytest.mark.django_db
TEXT = "<mj-text>Hello {{ customer.first_name | default: 'you' }}</mj-text>"


@pytest.fixture
def editor(client: Client) -> Client:
    """A browser in which a marketer is signed in."""
    client.force_login(User.objects.create_user("ed@example.com", role=Role.MARKETER))
    return client


def numbers(key: str) -> list[int]:
    """The versions there are, newest first."""
    return list(Block.objects.get(key=key).versions.values_list("number", flat=True))


def test_saving_makes_versions_and_the_newest_is_shown() -> None:
    first = save_block(key="uk", name="UK", mjml=TEXT)
    assert save_block(key="uk", name="Britain", mjml=TEXT) == first
    second = save_block(key="uk", name="Britain", mjml="<mj-text>New</mj-text>", note="shorter")
    block = Block.objects.get(key="uk")
    assert (block.name, block.newest, numbers("uk")) == ("Britain", second, [2, 1])


def test_the_database_refuses_to_change_a_version() -> None:
    save_block(key="uk", name="UK", mjml=TEXT)
    with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
        BlockVersion.objects.update(compiled_html="other")


def test_what_does_not_compile_makes_no_version() -> None:
    with pytest.raises(TemplateRefused, match="never closed"):
        save_block(key="uk", name="UK", mjml="<mj-text>Hello")
    assert not Block.objects.exists()


def test_a_block_is_written_and_rewritten(editor: Client) -> None:
    answer = editor.post(reverse("campaigns:block_new"), {"name": "Made for rain", "mjml": TEXT})
    assert answer["Location"] == reverse("campaigns:block", args=["made-for-rain"])
    edit = reverse("campaigns:block_edit", args=["made-for-rain"])
    editor.post(edit, {"name": "Rain", "mjml": "<mj-text>New</mj-text>", "note": "shorter", "base": 1})
    assert numbers("made-for-rain") == [2, 1]
    page = editor.get(answer["Location"]).content.decode()
    assert "Version 2: shorter" in page
    assert "Hello" in editor.get(answer["Location"], {"version": 1}).content.decode()


def test_the_second_of_two_writers_is_told_of_the_first(editor: Client) -> None:
    save_block(key="uk", name="UK", mjml=TEXT)
    save_block(key="uk", name="UK", mjml="<mj-text>Theirs</mj-text>")
    edit = reverse("campaigns:block_edit", args=["uk"])
    page = editor.post(edit, {"name": "UK", "mjml": "<mj-text>Mine</mj-text>", "base": 1}).content.decode()
    assert "A program saved version 2 while you were writing" in page
    assert numbers("uk") == [2, 1]


def test_a_fault_is_said_with_its_line(editor: Client) -> None:
    answer = editor.post(
        reverse("campaigns:block_new"), {"name": "UK", "mjml": "<mj-text>\n{{ x | nosuch }}</mj-text>"}
    )
    assert "Line 2: Liquid: unknown filter" in answer.content.decode()
    assert not Block.objects.exists()


def test_a_preview_is_what_a_customer_would_see(editor: Client) -> None:
    version = save_block(key="uk", name="UK", mjml=TEXT)
    [ann] = people(1, first_name="Ann")
    preview = reverse("campaigns:block_preview", args=[version.pk])
    assert "Hello you" in editor.get(preview).content.decode()
    answer = editor.get(preview, {"customer": ann.pk})
    assert "Hello Ann" in answer.content.decode()
    assert "sandbox" in answer["Content-Security-Policy"]


def test_viewers_look_and_do_not_write(client: Client) -> None:
    save_block(key="uk", name="UK", mjml=TEXT)
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    assert "New block" not in client.get(reverse("campaigns:blocks")).content.decode()
    assert client.post(reverse("campaigns:block_new"), {"name": "X", "mjml": TEXT}).status_code == 403
    assert Block.objects.count() == 1


def test_the_list_asks_as_little_for_ten_blocks_as_for_one(editor: Client) -> None:
    assert "No blocks yet" in editor.get(reverse("campaigns:blocks")).content.decode()
    counts = []
    for made in (1, 10):
        for number in range(made):
            save_block(key=f"b{number}", name=f"B{number}", mjml=TEXT)
        with CaptureQueriesContext(connection) as queries:
            editor.get(reverse("campaigns:blocks"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
