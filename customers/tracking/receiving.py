"""Takes what a request holds: each item is stored or refused by itself, and the answer says which."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from customers.events_in import EventIn, Times, problem
from customers.identity import ANONYMOUS, Person, alias, identify
from customers.ingest import IngestResult, ingest
from customers.models import CustomerIdentity, EventType
from customers.tracking import names, refused
from customers.tracking.books import enter, note_names
from customers.tracking.protocol import Item, Parcel, decode_item, id_text
from customers.tracking.refusals import FIELDS, BadItem, ItemRefusal
from customers.tracking.translation import Saying, Translator, event_name


class Receipt(msgspec.Struct, kw_only=True):
    """What became of a request. `received = accepted + len(refused)` are items; `stored` and `duplicates` are
    the events they told (an order tells one for each product and one for itself)."""

    success: bool
    received: int
    accepted: int
    stored: int
    duplicates: int
    refused: list[ItemRefusal] = msgspec.field(default_factory=list)


class _Intake:
    """The items of one request on their way."""

    def __init__(self, parcel: Parcel) -> None:
        self.raws = parcel.items
        self.items: dict[int, Item] = {}
        self.refused: dict[int, ItemRefusal] = {}
        self.about_people: dict[int, Saying] = {}
        self.events: list[EventIn] = []
        self.positions: list[int] = []

    def refuse(self, index: int, error: BadItem) -> None:
        item = self.items.get(index)
        message_id = (id_text(item.message_id) or None) if item else None
        self.refused.setdefault(index, error.at(index, message_id))

    def decode(self, type: str) -> set[str]:
        """Decode every item; return the event names that are needed."""
        needed = set()
        for index, raw in enumerate(self.raws):
            try:
                item = self.items[index] = decode_item(raw, type=type)
                needed.add(event_name(item))
            except BadItem as error:
                self.refuse(index, error)
        needed.discard("")
        return needed

    def translate(self, translator: Translator) -> None:
        """Turn the items that are still good into events and into words about people."""
        for index, item in self.items.items():
            if index in self.refused:
                continue
            try:
                saying = translator.saying(item, self.raws[index])
                _check(saying.events, times=translator.times)
            except BadItem as error:
                self.refuse(index, error)
                continue
            self.events += saying.events
            self.positions += [index] * len(saying.events)
            if not saying.events:
                self.about_people[index] = saying

    def store(self, source: str) -> tuple[IngestResult, Counter[str]]:
        """Store it all; return what became of the events, and why what else was refused before.

        What is said about people comes first, so that the events of a batch find the people it names.
        """
        for index in _hear_about_people(self.about_people, source):
            self.refuse(index, BadItem(FIELDS["customer_erased"], "customer_erased"))
        early = Counter(refusal.reason for refusal in self.refused.values())
        result = ingest(self.events, source=source) if self.events else IngestResult()
        for position, reason in result.rejects:
            self.refuse(self.positions[position], BadItem(FIELDS.get(reason, ""), reason))
        return result, early

    def refusals(self) -> list[ItemRefusal]:
        """Why items were refused, in their order."""
        return [self.refused[index] for index in sorted(self.refused)]


def receive(parcel: Parcel, *, source: str, received_at: datetime) -> Receipt:
    """Store what a request holds and say what became of each item; everything is committed on return."""
    intake, unnamed = _understood(parcel, source=source, received_at=received_at)
    result, early = intake.store(source)
    books = books_of(source)
    enter(
        books,
        inserted=result.inserted + len(intake.about_people.keys() - intake.refused.keys()),
        duplicates=result.duplicates,
        rejected=result.rejected + early,
        at=received_at,
    )
    refusals = intake.refusals()
    if refusals:
        refused.keep(_kept(parcel, refusals), source=books, at=received_at)
    if unnamed:
        note_names(books, example=unnamed, at=received_at)
    return Receipt(
        success=not refusals,
        received=len(parcel.items),
        accepted=len(parcel.items) - len(refusals),
        stored=result.inserted,
        duplicates=result.duplicates,
        refused=refusals,
    )


def receive_again(items: Mapping[str, str], *, source: str, received_at: datetime) -> dict[str, str]:
    """Store items that were refused and mended since, without entering them in the books; return why others are not.

    Their keys name them for ever: one that has no messageId is stored once, whoever sends it again.
    """
    keys = list(items)
    parcel = Parcel([_named(items[key], key) for key in keys], "")
    intake, _ = _understood(parcel, source=source, received_at=received_at)
    intake.store(source)
    return {keys[refusal.index]: refusal.reason for refusal in intake.refusals()}


def _named(item: str, name: str) -> bytes:
    """The item with this messageId where it has none; what cannot be read stays as it is."""
    try:
        said = msgspec.json.decode(item)
        if not isinstance(said, dict) or id_text(said.get("messageId")):
            return item.encode()
        return msgspec.json.encode({**said, "messageId": name})
    except (ValueError, RecursionError):
        return item.encode()


def books_of(source: str) -> str:
    """Return the name under which books are kept of what the write keys of a source send."""
    return f"{refused.TRACKING}{source}"


def note_unreadable(source: str, *, at: datetime) -> None:
    """Count a request of which no item could be read."""
    unreadable = Counter({"unreadable_request": 1})
    enter(books_of(source), inserted=0, duplicates=0, rejected=unreadable, at=at)


def _understood(parcel: Parcel, *, source: str, received_at: datetime) -> tuple[_Intake, str]:
    """Decode and translate; also return an event name that got no number of its own, or an empty text."""
    intake = _Intake(parcel)
    types = names.types_of(intake.decode(parcel.type), source=source)
    intake.translate(Translator(source=source, received_at=received_at, sent_at=parcel.sent_at, types=types))
    return intake, next((name for name in sorted(types) if types[name] == EventType.CUSTOM), "")


def _kept(parcel: Parcel, refusals: list[ItemRefusal]) -> Iterator[refused.Refused]:
    for one in refusals:
        raw = bytes(parcel.items[one.index])
        if one.reason not in refused.NEVER_KEPT:
            cells = refused.item_cells(raw, type=parcel.type, sent_at=parcel.sent_at)
            yield refused.Refused(one.index, one.reason, cells)


def _check(events: list[EventIn], *, times: Times) -> None:
    """Refuse now what the store would refuse, where several events are one item and must be stored together."""
    if len(events) > 1:
        for event in events:
            if reason := problem(event, times=times):
                raise BadItem(FIELDS.get(reason, ""), reason)


def _hear_about_people(sayings: Mapping[int, Saying], source: str) -> set[int]:
    """Store what is said about people; return which items name somebody who was erased."""
    told = {index: saying.told for index, saying in sayings.items() if saying.told}
    gone = identify(told.values(), source=source).erased if told else set()
    refused = {index for index, one in told.items() if one.person in gone}
    for index, saying in sayings.items():
        if saying.previous:
            user = Person(source, saying.user)
            if alias(_previous(saying.previous, source), user, source=source).erased:
                refused.add(index)
    return refused


def _previous(id: str, source: str) -> Person:
    """An earlier id is one that the source gave if it did give it; otherwise a device's."""
    is_known = CustomerIdentity.objects.filter(namespace=source, value=id).exists()
    return Person(source if is_known else ANONYMOUS, id)
