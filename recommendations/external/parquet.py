"""Reading a Parquet file: the columns `customer` (the public id) and `score` or `products` (a list of the shop's ids);
others are passed over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import duckdb
from django.conf import settings

from customers.models import Customer
from recommendations.external.answers import Answer, ExternalModelError, NothingNewError
from recommendations.external.models import ExternalModel

CHUNK_ROWS = 20_000
_NUMBERS = (
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
)
_WANTED = {
    "customer": ("text", ("VARCHAR", "UUID")),
    "score": ("numbers", _NUMBERS),
    "products": ("lists of text", ("VARCHAR[]",)),
}

_SELECT = {
    "score": "SELECT customer::VARCHAR, score::DOUBLE FROM read_parquet(?)",
    "products": "SELECT customer::VARCHAR, products FROM read_parquet(?)",
}


def read(model: ExternalModel, answer: Answer, *, hold: Callable[[], None]) -> None:
    """Put what the file says into `answer`; its version is the beginning of the file's sha256.

    Raises `NothingNewError` where the file is still the one that was read before, and `ExternalModelError`.
    """
    path = path_of(model.location)
    try:
        with path.open("rb") as file:
            answer.require_version(hashlib.file_digest(file, "sha256").hexdigest()[:12])
    except OSError as error:
        raise ExternalModelError(f"the file {path.name} cannot be read: {error.strerror}") from error
    if answer.version == model.version:
        raise NothingNewError(f"the file {path.name} is still the one that was read before")
    try:
        _read(path, answer, hold)
    except duckdb.Error as error:
        why = str(error).splitlines()[0].replace(str(path), path.name)
        raise ExternalModelError(f"the file {path.name} cannot be read: {why}") from error


def path_of(name: str) -> Path:
    """The file inside the folder for models; raises `ExternalModelError` for a way out of it."""
    folder = Path(settings.EXTERNAL_DIR).resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or path == folder:
        raise ExternalModelError(f"{name!r} leads out of the folder for models")
    return path


def _read(path: Path, answer: Answer, hold: Callable[[], None]) -> None:
    with duckdb.connect(config={"threads": 1, "memory_limit": "512MB"}) as database:
        file = [_exactly(path)]
        columns = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", file).fetchall()
        _require({name: type for name, type, *_ in columns}, path, answer)
        rows = database.execute(_SELECT[answer.column], file)
        number = 0
        while chunk := rows.fetchmany(CHUNK_ROWS):
            hold()
            known = _known([id for id, _ in chunk if id])
            for id, value in chunk:
                number += 1
                answer.take(f"row {number}", id, value, known)


def _require(types: dict[str, str], path: Path, answer: Answer) -> None:
    for name in ("customer", answer.column):
        wanted, allowed = _WANTED[name]
        if name not in types:
            raise ExternalModelError(
                f"the file {path.name} has no column {name}; there are {', '.join(types)}"
            )
        if not types[name].startswith(allowed):
            raise ExternalModelError(
                f"in the file {path.name} the column {name} must hold {wanted}, and is {types[name]}"
            )


def _exactly(path: Path) -> str:
    """The path as a pattern that fits nothing else."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


def _known(ids: list[str]) -> dict[str, int]:
    """Public id → key of those who allow profiling; one query."""
    people = Customer.objects.filter(allows_profiling=True, is_anonymous=False)
    valid = [id for id in ids if _is_uuid(id)]
    return {str(id): pk for id, pk in people.filter(public_id__in=valid).values_list("public_id", "pk")}


def _is_uuid(text: str) -> bool:
    parts = [len(part) for part in text.split("-")]
    return parts == [8, 4, 4, 4, 12] and all(letter in "0123456789abcdefABCDEF-" for letter in text)
