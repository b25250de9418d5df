"""Texts are read as plain data, or refused with the place, however large they are."""

import pytest

from common.plain_data import PlainDataError, load_plain


def test_a_key_that_stands_twice_is_named():
    with pytest.raises(PlainDataError, match=r"^document: the key 'b' stands twice in one object\.$"):
        load_plain('{"a": 1, "b": {"b": 1, "c": 2, "b": 3}}')


def test_a_key_that_stands_twice_is_found_in_one_pass():
    """Looking through all keys for each of these would take hours."""
    keys = ", ".join(f'"{number}": 1' for number in range(500_000))
    with pytest.raises(PlainDataError, match="the key '499999' stands twice"):
        load_plain(f'{{{keys}, "499999": 2}}')


def test_the_same_key_in_different_objects_is_no_repetition():
    assert load_plain('{"a": {"a": 1}, "b": [{"a": 2}]}') == {"a": {"a": 1}, "b": [{"a": 2}]}
