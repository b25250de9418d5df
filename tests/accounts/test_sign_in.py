"""Colleagues sign in with their address, in whatever letter case it was stored or is written."""

import pytest
from django.test import Client

from accounts.forms import UserAddForm
from accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase 7"


@pytest.mark.parametrize("stored", ["Bob@Shop.example", "bob@shop.example"])
@pytest.mark.parametrize("written", ["bob@shop.example", "BOB@shop.example"])
def test_the_letter_case_of_an_address_does_not_matter(stored: str, written: str) -> None:
    user = User(email=stored)
    user.set_password(PASSWORD)
    user.save()
    assert Client().login(username=written, password=PASSWORD)


def test_the_admin_keeps_an_address_in_small_letters() -> None:
    fields = {"email": "Bob@Shop.example", "role": "viewer", "password1": PASSWORD, "password2": PASSWORD}
    form = UserAddForm({**fields, "usable_password": "true"})
    assert form.is_valid(), form.errors
    assert form.save().email == "bob@shop.example"
