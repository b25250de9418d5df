"""What a list would do or did, in words for the page."""

from typing import Any

from customers.importing.people import jobs
from customers.models import PeopleImport

REASONS = {
    "duplicate": "The same person stands in an earlier row; the first row counts",
    "bad_address": "The e-mail address is not one",
    "no_address": "There is no e-mail address",
    "no_address_and_no_id": "There is neither an e-mail address nor a customer id",
    "wrong_number_of_columns": "The row has more or fewer columns than the first line",
    "unreadable_row": "Quotation marks are in the wrong place",
    "bad_encoding": "Some characters are damaged",
    "nul_character": "It contains a NUL character",
    "unclear_consent": "The consent column says neither yes nor no",
    "unknown_country": "There is no such country",
    "unknown_time_zone": "There is no such time zone",
    "bad_birth_date": "The birthday is no date between 1900 and today",
    "bad_signed_up_at": "The sign-up is no date in the past",
    "id_too_long": "The customer id has more than 200 characters",
    "attribute_too_long": "An attribute has more than 500 characters",
    "id_has_another_address": "Another e-mail address is known for this customer id",
    "address_has_another_id": "Another customer id of this source is known for this address",
    "address_belongs_to_somebody_else": "The customer id and the address belong to two different customers",
    "address_is_of_another_source": "The address is known, and ids of this source are not attached by address",
    "customer_erased": "This person asked to be erased",
}
_PEOPLE = {
    "new": ("New customers", "They are not known by id or address."),
    "updated": ("Updated", "Known, and the list says more or other about them."),
    "unchanged": ("Unchanged", "Known, with all that the list says."),
    "skipped": ("Left as they are", "Known, and you chose to leave those alone."),
}
_CONSENTS = {
    "granted": ("Agreed to e-mail", "New answers, each with the list's proof."),
    "withdrawn": ("Said no to e-mail", "New answers; they get no marketing from now on."),
}
_ADDRESSES = {
    "new": ("New addresses", "From now on nothing is sent to them."),
    "updated": ("Stopped further", "They got no marketing before; now they get no mail at all."),
    "unchanged": ("Known already", "Nothing was sent to them before either."),
}


def reason_in_words(reason: str) -> str:
    """Say why a row is not stored, as the beginning of a sentence."""
    return REASONS.get(reason, reason.replace("_", " ").capitalize())


def counted(job: PeopleImport) -> dict[str, Any]:
    """What the page says of an import: figures, reasons with their counts, examples, whether there is a file."""
    told = jobs.result(job)
    labels = _ADDRESSES if job.kind == PeopleImport.Kind.SUPPRESSION else _PEOPLE
    shown = [
        (label, told["stored"].get(name, 0), hint)
        for name, (label, hint) in labels.items()
        if name != "skipped" or told["stored"].get(name)
    ]
    shown += [
        (label, told["consents"][name], hint)
        for name, (label, hint) in _CONSENTS.items()
        if told["consents"].get(name)
    ]
    refused = {"duplicate": told["stored"].get("duplicate", 0), **told["rejected"]}
    reasons = sorted(((count, reason_in_words(one)) for one, count in refused.items() if count), reverse=True)
    examples = [{**one, "reason": reason_in_words(one["reason"])} for one in job.report.get("examples", [])]
    return {
        "rows": told["rows"],
        "figures": shown,
        "storable": sum(told["stored"].get(name, 0) for name in labels),
        "refused": sum(refused.values()),
        "reasons": reasons,
        "examples": examples if job.run is None else [],
        "has_errors_file": jobs.errors_file(job) is not None,
    }
