"""What a colleague fills in for a sender: made of what its way out has to be told."""

import re
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from common.sealed import Unreadable
from customers.addresses import BadAddress, canonical
from delivery import mime
from delivery.backends import WAYS
from delivery.backends.fields import Field
from delivery.models import Sender

_HOST = re.compile(r"(?=.{1,190}:)([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_OPTION = "option_"


class SenderForm(forms.Form):
    """One sender by one way out. Secrets are written and never shown; left empty, the stored ones stay."""

    name = forms.CharField(max_length=100, help_text="What colleagues call it: “Shop news”.")
    from_name = forms.CharField(label="From", max_length=100, help_text="The name that readers see.")
    from_email = forms.EmailField(label="From address", max_length=254)
    rate_per_second = forms.IntegerField(
        label="Messages a second, at most", min_value=1, max_value=1_000_000, initial=50
    )
    dkim_selector = forms.CharField(
        label="DKIM selector",
        max_length=63,
        required=False,
        help_text="The name of the domain's DKIM key, for the check of the domain. Empty: the provider's usual ones.",
    )

    def __init__(self, data: object = None, *, sender: Sender, way: str) -> None:
        self.sender, self.way = sender, way
        self.described = WAYS[way]
        self.is_same_way = bool(sender.pk) and sender.backend == way
        super().__init__(data, initial=self._initial())  # type: ignore[arg-type]
        stored = self._stored_secrets()
        if self.described.address is not None:
            self.fields["address"] = forms.CharField(
                label=self.described.address.label,
                help_text=self.described.address.help_text,
                max_length=200,
                required=self.described.address.is_required,
            )
        for field in self.described.fields:
            self.fields[_OPTION + field.name] = _control(field, is_stored=field.name in stored)
        self.order_fields(["name", "from_name", "from_email", "address", *self._option_names()])

    def clean_from_email(self) -> str:
        """The address in its one form."""
        return _address(self.cleaned_data["from_email"])

    def clean_option_envelope_from(self) -> str:
        """The return address in its one form."""
        typed = self.cleaned_data[f"{_OPTION}envelope_from"]
        return _address(typed) if typed else ""

    def clean_dkim_selector(self) -> str:
        """A selector is a part of a DNS name."""
        typed: str = self.cleaned_data["dkim_selector"]
        if typed and not _SELECTOR.fullmatch(typed):
            raise ValidationError("Letters, digits, hyphens and points only: the s= of a signature.")
        return typed

    def clean_address(self) -> str:
        """Where the way leads to, in the form that it wants."""
        typed: str = self.cleaned_data["address"]
        assert self.described.address is not None
        if typed and self.described.address.kind == "host":
            match = _HOST.fullmatch(typed)
            if match is None or not 1 <= int(match[3]) <= 65_535:
                raise ValidationError("Expected a server and its port, such as smtp.shop.example:587.")
        elif typed:
            URLValidator(["https", "http"])(typed)
        return typed

    def clean(self) -> dict[str, Any]:
        """Refuse a name that cannot stand in a header, and a password that would travel in the clear."""
        found = super().clean() or self.cleaned_data
        try:
            mime.format_mailbox(mime.Mailbox("a@b.example", found.get("from_name", "")))
        except mime.RefusedHeader as error:
            self.add_error("from_name", str(error))
        if found.get(f"{_OPTION}security") == "none" and found.get(f"{_OPTION}username"):
            self.add_error(f"{_OPTION}security", "Without encryption the password could be read on its way.")
        for field in self.described.fields:
            if field.is_secret and (wrong := self._wrong_secret(field, found)):
                self.add_error(_OPTION + field.name, wrong)
        if self._is_readable_on_its_way(found):
            self.add_error(
                "address", "The secret could be read on its way: the address has to begin with https."
            )
        return found

    def save(self) -> Sender:
        """Store the sender. What another way out was told is forgotten."""
        found = self.cleaned_data
        secrets = {} if self._is_elsewhere(found) else self._stored_secrets()
        options = {}
        for field in self.described.fields:
            typed: str = found[_OPTION + field.name]
            if field.name == "in_doubt":
                self.sender.in_doubt = typed
            elif not field.is_secret:
                options[field.name] = typed
            elif typed:
                secrets[field.name] = typed
        self.sender.options = {name: value for name, value in options.items() if value}
        self.sender.set_secrets(secrets)
        self.sender.backend, self.sender.address = self.way, found.get("address", "")
        for name in ("name", "from_name", "from_email", "rate_per_second", "dkim_selector"):
            setattr(self.sender, name, found[name])
        self.sender.save()
        return self.sender

    def _wrong_secret(self, field: Field, found: dict[str, Any]) -> str:
        """Say what is wrong with a secret, or return an empty text."""
        typed: str = found.get(_OPTION + field.name, "")
        if typed and self.way != Sender.Backend.SMTP and not (typed.isascii() and typed.isprintable()):
            return "Only letters, digits and signs of ASCII can stand in it."
        is_needed = field.name in self._stored_secrets() and found.get(f"{_OPTION}username") != ""
        if is_needed and not typed and self._is_elsewhere(found):
            return "Type it in again: it was meant for another address or user name."
        return ""

    def _is_elsewhere(self, found: dict[str, Any]) -> bool:
        """Whether the stored secrets would go to another place, or with another name, than they were typed in for."""
        stored = (self.sender.address, self.sender.options.get("username", ""))
        return (found.get("address", ""), found.get(f"{_OPTION}username", "")) != stored

    def _is_readable_on_its_way(self, found: dict[str, Any]) -> bool:
        """Whether a secret would go without encryption to a host that whoever runs Regards does not vouch for."""
        place = urlsplit(found.get("address", ""))
        names = [field.name for field in self.described.fields if field.is_secret]
        has_secret = self._stored_secrets() or any(found.get(_OPTION + name) for name in names)
        return place.scheme == "http" and bool(has_secret) and not _is_vouched_for(place.hostname or "")

    def _option_names(self) -> list[str]:
        return [_OPTION + field.name for field in self.described.fields]

    def _stored_secrets(self) -> dict[str, str]:
        try:
            return self.sender.secrets() if self.is_same_way else {}
        except Unreadable:
            return {}

    def _initial(self) -> dict[str, object]:
        if not self.sender.pk:
            return {}
        names = ("name", "from_name", "from_email", "rate_per_second", "dkim_selector")
        initial = {name: getattr(self.sender, name) for name in names}
        if not self.is_same_way:
            return initial
        options = {_OPTION + name: value for name, value in self.sender.options.items()}
        return {
            **initial,
            **options,
            "address": self.sender.address,
            f"{_OPTION}in_doubt": self.sender.in_doubt,
        }


def _control(field: Field, *, is_stored: bool) -> forms.Field:
    if field.choices:
        return forms.ChoiceField(
            label=field.label, choices=field.choices, initial=field.default, help_text=field.help_text
        )
    if not field.is_secret:
        return forms.CharField(
            label=field.label,
            help_text=field.help_text,
            required=field.is_required,
            initial=field.default,
            max_length=200,
        )
    kept = "Stored, and not shown. Leave this empty to keep it."
    return forms.CharField(
        label=field.label,
        help_text=kept if is_stored else field.help_text,
        required=field.is_required and not is_stored,
        max_length=2000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


def _is_vouched_for(host: str) -> bool:
    """Whether OUTBOUND_ALLOWED names a host, or the network of an address."""
    if host in (allowed.lower() for allowed in settings.OUTBOUND_ALLOWED):
        return True
    try:
        address = ip_address(host)
        return any(
            address in ip_network(one, strict=False) for one in settings.OUTBOUND_ALLOWED if "/" in one
        )
    except ValueError:
        return False


def _address(typed: str) -> str:
    try:
        return canonical(typed)
    except BadAddress as error:
        raise ValidationError(f"This is not an e-mail address: {error}") from error
