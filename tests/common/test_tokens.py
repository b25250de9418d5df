"""Tokens are bound to a message, a purpose and a key."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import tokens

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keys(settings):
    settings.SECRET_KEY = "first key of the tests"
    settings.SECRET_KEY_FALLBACKS = []


@pytest.mark.parametrize("message_id", [0, 1, 255, 256, 4711, 2**40, 2**63 - 1])
def test_a_token_gives_back_its_message(message_id):
    assert tokens.read("click", tokens.sign("click", message_id)) == message_id


def test_a_token_is_short_and_url_safe():
    token = tokens.sign("click", 1_000_000)
    assert len(token) == 22
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_click_token_does_not_unsubscribe():
    with pytest.raises(tokens.BadToken):
        tokens.read("unsubscribe", tokens.sign("click", 7))


def test_a_token_of_a_retired_key_is_read_while_the_key_is_a_fallback(settings):
    token = tokens.sign("click", 7)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "second key", ["first key of the tests"]
    assert tokens.read("click", token) == 7
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(tokens.BadToken):
        tokens.read("click", token)


def test_a_token_is_refused_after_its_expiry():
    token = tokens.sign("preview", 7, expires_at=NOW + timedelta(hours=1))
    assert tokens.read("preview", token, now=NOW) == 7
    with pytest.raises(tokens.BadToken):
        tokens.read("preview", token, now=NOW + timedelta(hours=1))


def test_a_token_with_expiry_is_refused_by_a_reader_without_a_clock():
    with pytest.raises(tokens.BadToken):
        tokens.read("preview", tokens.sign("preview", 7, expires_at=NOW))


@pytest.mark.parametrize("token", ["", "A", "é", "AAAA", "=" * 8, "a b", "A" * 22, "A" * 500])
def test_nonsense_is_refused(token):
    with pytest.raises(tokens.BadToken):
        tokens.read("click", token)


@given(position=st.integers(0, 21), letter=st.sampled_from("ABCXYZabcxyz0189-_"))
def test_every_changed_letter_breaks_the_token(position, letter):
    token = tokens.sign("click", 1_000_000)
    changed = token[:position] + letter + token[position + 1 :]
    if changed != token:
        with pytest.raises(tokens.BadToken):
            tokens.read("click", changed)


def test_a_negative_id_has_no_token():
    with pytest.raises(ValueError, match="does not fit"):
        tokens.sign("click", -1)
