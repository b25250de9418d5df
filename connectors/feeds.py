"""Where rows come from: files in the drop folder, or JSON over HTTP. Each kind yields portions of rows."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from common import outbound
from common.clock import now
from connectors.models import Source
from customers.importing.mapper import ReadRow
from customers.importing.reading import CsvFile
from customers.importing.records import found, header_of, row_of

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MAX_ANSWER_BYTES = 32 * 2**20
MAX_PAGES = 1000
MAX_PAGE_SECONDS = 120.0
SETTLES_IN = timedelta(minutes=1)


NO_OCCURRENCE = (
    "Rows that come in pages cannot be counted by `occurrence`: name an id that each record has of its own."
)


class FeedError(RuntimeError):
    """The source cannot be read; the message says why. The next run tries again."""


class Portion(NamedTuple):
    """Rows with their header, and the cursor that is true once they are stored."""

    header: list[str]
    rows: Iterator[ReadRow]
    cursor: dict[str, Any]


def portions(source: Source) -> Iterator[Portion]:
    """Yield what is new since the source's cursor. Raises FeedError."""
    if source.kind == Source.Kind.FILE_DROP:
        return _files(source)
    return _pages(source)


def _files(source: Source) -> Iterator[Portion]:
    """One portion for each file whose name, size and contents together are not in the cursor yet.

    One that was written a moment ago may not be whole: it waits for the next run. One that cannot be read does not
    hold up the others; all such are named at the end.
    """
    folder = Path(settings.DROP_DIR).resolve()
    if not folder.is_dir():
        return
    settled = (now() - SETTLES_IN).timestamp()
    broken: dict[str, str] = {}
    read: dict[str, Any] = dict(source.cursor.get("files", {}))
    for path in matching(folder, source.location):
        name = str(path.relative_to(folder))
        known = read.get(name)
        told = path.stat()
        size = told.st_size
        if told.st_mtime > settled:
            continue
        digest = _sha256(path)
        if known == {"size": size, "sha256": digest}:
            continue
        if size:
            try:
                file = CsvFile(str(path), form=source.mapping.get("format", {}))
            except (ValueError, OSError, EOFError, LookupError) as error:
                broken[name] = str(error)
                continue
            read[name] = {"size": size, "sha256": digest}
            yield Portion(file.header, _rows(file, name, broken, read), {"files": read})
    if broken:
        raise FeedError(" ".join(f"{name} cannot be read: {why}" for name, why in broken.items()))


def _rows(file: CsvFile, name: str, broken: dict[str, str], read: dict[str, Any]) -> Iterator[ReadRow]:
    """The rows of a file; one that breaks off is noted, and not counted as read."""
    try:
        yield from file.rows()
    except (ValueError, OSError, EOFError) as error:
        broken[name] = str(error)
        del read[name]


def matching(folder: Path, pattern: str) -> list[Path]:
    """Files inside the folder only: a pattern or a link that leads out of it finds nothing."""
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise FeedError(f"{pattern!r} leads out of the drop folder.")
    files = (path for path in folder.glob(pattern) if path.is_file())
    return sorted(path for path in files if path.resolve().is_relative_to(folder))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pages(source: Source) -> Iterator[Portion]:
    """One portion for each page; the answer names the next cursor, or is the last."""
    said: Mapping[str, str] = source.mapping.get("http", {})
    cursor = source.cursor.get("next")
    header = header_of(source.mapping)
    if "occurrence" in source.mapping:
        raise FeedError(NO_OCCURRENCE)
    with outbound.client(timeout=TIMEOUT) as client:
        for _ in range(MAX_PAGES):
            answer = _get(client, source.location, said.get("cursor_param", "cursor"), cursor)
            records = found(answer, said.get("records", ""))
            if not isinstance(records, list):
                raise FeedError(f"There is no list at {said.get('records') or 'the top'} of the answer.")
            following = found(answer, said.get("next_cursor", "next_cursor"))
            at = cursor if following is None else following
            if records:
                rows = (row_of(record, header) for record in records)
                yield Portion(header, rows, {"next": at})
            if following is None or following == cursor or not _goes_on(answer, said, records):
                return
            cursor = following
    raise FeedError(f"The source gave more than {MAX_PAGES} pages; the rest comes with the next run.")


def _goes_on(answer: Any, said: Mapping[str, str], records: list[Any]) -> bool:
    return bool(found(answer, said["has_more"])) if "has_more" in said else bool(records)


def _get(client: httpx.Client, address: str, param: str, cursor: Any) -> Any:
    if urlsplit(address).scheme not in ("http", "https"):
        raise FeedError("The address must begin with http:// or https://.")
    params = {} if cursor is None else {param: str(cursor)}
    try:
        with client.stream("GET", httpx.URL(address).copy_merge_params(params)) as response:
            response.raise_for_status()
            body = outbound.body_of(response, most_bytes=MAX_ANSWER_BYTES, most_seconds=MAX_PAGE_SECONDS)
            return json.loads(body)
    except httpx.HTTPStatusError as error:
        raise FeedError(f"The source answered {error.response.status_code}.") from None
    except (outbound.InternalAddress, outbound.TooMuch) as error:
        raise FeedError(str(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FeedError(f"{type(error).__name__}: {error}") from error
    except ValueError as error:
        raise FeedError(f"The answer is not JSON: {error}") from error
