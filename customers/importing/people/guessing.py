"""What the columns of a list probably mean, by their names and by what stands in them."""

import re
import unicodedata
from collections.abc import Callable, Sequence

from customers.importing.people import parsing
from customers.importing.people.files import ListFile
from customers.importing.people.mapping import FIELDS, RESERVED, PeopleMapping
from customers.importing.values import BadRow

_NAMES = {
    "email": "email mail emailaddress mailaddress adresseemail adresseelectronique courriel correo correoelectronico"
    " emailadresse mailadresse epost subscriber subscriberemail useremail contactemail",
    "id": "id customerid customernumber customerno customernr kundennummer kundennr kundenid kdnr numeroclient"
    " idcliente clientid userid memberid contactid externalid klantnummer",
    "first_name": "firstname first givenname forename vorname prenom nombre nome voornaam fname fornavn imie",
    "last_name": "lastname last surname familyname nachname familienname nom nomdefamille apellido apellidos cognome"
    " achternaam lname efternavn nazwisko",
    "birth_date": "birthday birthdate dateofbirth dob geburtstag geburtsdatum datedenaissance naissance"
    " fechadenacimiento nacimiento datadinascita geboortedatum birth",
    "gender": "gender sex geschlecht genre sexe genero sexo sesso geslacht anrede salutation title",
    "country": "country countrycode land pays pais paese landcode staat nation countryiso",
    "region": "region state province county bundesland provincia provincie departement",
    "city": "city town ort stadt ville ciudad citta stad wohnort plaats",
    "timezone": "timezone tz zeitzone fuseauhoraire zonahoraria",
    "locale": "locale language lang sprache langue idioma lingua taal",
    "device": "device geraet gerat appareil dispositivo",
    "signed_up_at": "signedup signedupat signupdate signup registered registeredat registrationdate created createdat"
    " datecreated optintime subscribedat joined joinedat angemeldetam anmeldedatum registriertam dateinscription",
    "consent": "consent optin optedin newsletter newsletteroptin marketing marketingconsent emailconsent"
    " acceptsmarketing subscribed einwilligung zustimmung werbeeinwilligung consentement consentimiento consenso"
    " permission emailmarketingconsent agreed",
}
_FIELD_BY_NAME = {name: field for field, names in _NAMES.items() for name in names.split()}
_DATED = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-]\d{4}")


def guess(file: ListFile, *, source: str = "list") -> PeopleMapping:
    """Return the mapping that names and contents of the columns suggest; each field goes to one column at most."""
    columns: dict[str, str] = {}
    for name in file.header:
        field = _FIELD_BY_NAME.get(_plain(name))
        if field and field not in columns and _fits(field, _values(file, name)):
            columns[field] = name
    taken = set(columns.values())
    for field in ("email", "birth_date", "consent"):
        found = [name for name in file.header if name not in taken and _holds(field, _values(file, name))]
        if field not in columns and found:
            columns[field] = found[0]
            taken.add(found[0])
    dated = [columns[field] for field in ("birth_date", "signed_up_at") if field in columns]
    month_first = any(_is_month_first(_values(file, name)) for name in dated)
    return PeopleMapping(
        columns={field: columns[field] for field in FIELDS if field in columns},
        source=source,
        dates="month_first" if month_first else "day_first",
        consent="column" if "consent" in columns else "none",
    )


def attribute_key(column: str) -> str:
    """Return the name under which a column is kept as an attribute: “Club card” is `club_card`."""
    text = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")[:60] or "column"


def source_name(file_name: str) -> str:
    """Return a name for the source from the file's: `Spring list 2026.csv.gz` is `spring_list_2026`."""
    stem = re.sub(r"(\.(csv|txt|tsv|gz))+$", "", file_name.rpartition("/")[2], flags=re.IGNORECASE)
    name = attribute_key(stem)[:50]
    return "list" if name in ("column", *RESERVED) else name


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]+", "", text)


def _values(file: ListFile, name: str) -> list[str]:
    index = file.header.index(name)
    return [value for row in file.samples if len(row) > index and (value := row[index].strip())]


def _fits(field: str, values: Sequence[str]) -> bool:
    """Whether the contents do not contradict the name."""
    checked = {"email", "birth_date", "consent", "signed_up_at", "country", "timezone"}
    return field not in checked or not values or _share(_reader(field), values) >= 0.5


def _holds(field: str, values: Sequence[str]) -> bool:
    """Whether the contents say it alone; a column of 1 and 0 may mean anything, so consent must be in words."""
    if field == "consent":
        values = [value for value in values if not value.isdecimal()]
        words = {value.lower() for value in values}
        return (
            len(words) > 1
            and words <= parsing.ANSWERS.keys()
            and bool(words & {"yes", "ja", "oui", "si", "sí"})
        )
    needed = 0.5 if field == "email" else 0.8
    return bool(values) and _share(_reader(field), values) >= needed


def _share(read: Callable[[str], object], values: Sequence[str]) -> float:
    good = 0
    for value in values:
        try:
            good += read(value) is not None
        except BadRow:
            continue
    return good / len(values)


def _reader(field: str) -> Callable[[str], object]:
    if field in ("birth_date", "signed_up_at"):
        day, month = (parsing.converter(field, month_first=flag) for flag in (False, True))
        return lambda value: _either(day, month, value)
    return parsing.converter(field, month_first=False)


def _either(first: Callable[[str], object], second: Callable[[str], object], value: str) -> object:
    try:
        return first(value)
    except BadRow:
        return second(value)


def _is_month_first(values: Sequence[str]) -> bool:
    """Whether some date makes sense only as month, day, year, and none only as day, month, year."""
    parts = [(int(found[1]), int(found[2])) for value in values if (found := _DATED.match(value))]
    return any(second > 12 for _, second in parts) and not any(first > 12 for first, _ in parts)
