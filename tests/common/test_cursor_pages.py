import pytest

from accounts.models import User
from common.pagination import CursorPage, cursor_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def users() -> list[User]:
    return [User.objects.create_user(f"u{number}@example.com") for number in range(5)]


def emails(page: CursorPage[User]) -> list[str]:
    return [user.email.removesuffix("@example.com") for user in page]


def test_it_walks_to_the_end_and_back(users: list[User]) -> None:
    first = cursor_page(User.objects.all(), size=2)
    second = cursor_page(User.objects.all(), cursor=first.next_cursor, size=2)
    last = cursor_page(User.objects.all(), cursor=second.next_cursor, size=2)
    back = cursor_page(User.objects.all(), cursor=last.previous_cursor, size=2)
    assert [emails(page) for page in (first, second, last, back)] == [
        ["u4", "u3"],
        ["u2", "u1"],
        ["u0"],
        ["u2", "u1"],
    ]


def test_the_ends_have_no_cursor(users: list[User]) -> None:
    first = cursor_page(User.objects.all(), size=3)
    last = cursor_page(User.objects.all(), cursor=first.next_cursor, size=3)
    assert (first.previous_cursor, last.next_cursor) == ("", "")


def test_going_back_to_the_newest_ends_there(users: list[User]) -> None:
    second = cursor_page(User.objects.all(), cursor=f"before:{users[3].pk}", size=2)
    newest = cursor_page(User.objects.all(), cursor=second.previous_cursor, size=2)
    assert emails(newest) == ["u4", "u3"]
    assert newest.previous_cursor == ""


@pytest.mark.parametrize("cursor", ["", "nonsense", "before:x", "before:", "sideways:3"])
def test_an_unreadable_cursor_shows_the_first_page(users: list[User], cursor: str) -> None:
    assert emails(cursor_page(User.objects.all(), cursor=cursor, size=2)) == ["u4", "u3"]


def test_an_empty_table_is_one_empty_page() -> None:
    page = cursor_page(User.objects.all())
    assert (len(page), page.previous_cursor, page.next_cursor) == (0, "", "")


def test_a_cursor_of_thousands_of_digits_shows_the_first_page(users: list[User]) -> None:
    page = cursor_page(User.objects.all(), cursor="before:" + "9" * 5_000)
    assert emails(page) == ["u4", "u3", "u2", "u1", "u0"]
