"""Where rows come from: files in the drop folder, or JSON over HTTP. Each kind yields portions of rows."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from connectors.models import Source
from customers.importing.reading import CsvFile, is_clean
from customers.importing.run import ReadRow
from customers.importing.values import columns_of

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MAX_ANSWER_BYTES = 32 * 2**20
MAX_PAGES = 1000


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
    """One portion for each file whose name, size and contents together are not in the cursor yet."""
    folder = Path(settings.DROP_DIR).resolve()
    if not folder.is_dir():
        return
    read: dict[str, Any] = dict(source.cursor.get("files", {}))
    for path in _matching(folder, source.location):
        name = str(path.relative_to(folder))
        known = read.get(name)
        size = path.stat().st_size
        digest = _sha256(path)
        if known == {"size": size, "sha256": digest}:
            continue
        try:
            file = CsvFile(str(path), form=source.mapping.get("format", {}))
        except (ValueError, OSError, EOFError, LookupError) as error:
            raise FeedError(f"{name} cannot be read: {error}") from error
        read[name] = {"size": size, "sha256": digest}
        yield Portion(file.header, file.rows(), {"files": dict(read)})


def _matching(folder: Path, pattern: str) -> list[Path]:
    """Files inside the folder only: a pattern or a link that leads out of it finds nothing."""
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise FeedError(f"{pattern!r} leads out of the drop folder.")
    found = (path for path in folder.glob(pattern) if path.is_file())
    return sorted(path for path in found if path.resolve().is_relative_to(folder))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pages(source: Source) -> Iterator[Portion]:
    """One portion for each page; the answer names the next cursor, or is the last."""
    said: Mapping[str, str] = source.mapping.get("http", {})
    cursor = source.cursor.get("next")
    header = sorted(columns_of(source.mapping) - {"occurrence"})
    with httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client:
        for _ in range(MAX_PAGES):
            answer = _get(client, source.location, said.get("cursor_param", "cursor"), cursor)
            records = _found(answer, said.get("records", ""))
            if not isinstance(records, list):
                raise FeedError(f"There is no list at {said.get('records') or 'the top'} of the answer.")
            following = _found(answer, said.get("next_cursor", "next_cursor"))
            at = cursor if following is None else following
            if records:
                rows = (_row(record, header) for record in records)
                yield Portion(header, rows, {"next": at})
            if following is None or following == cursor or not _goes_on(answer, said, records):
                return
            cursor = following
    raise FeedError(f"The source gave more than {MAX_PAGES} pages; the rest comes with the next run.")


def _goes_on(answer: Any, said: Mapping[str, str], records: list[Any]) -> bool:
    return bool(_found(answer, said["has_more"])) if "has_more" in said else bool(records)


def _get(client: httpx.Client, address: str, param: str, cursor: Any) -> Any:
    if urlsplit(address).scheme not in ("http", "https"):
        raise FeedError("The address must begin with http:// or https://.")
    params = {} if cursor is None else {param: str(cursor)}
    try:
        with client.stream("GET", httpx.URL(address).copy_merge_params(params)) as response:
            response.raise_for_status()
            return json.loads(_body(response))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FeedError(f"{type(error).__name__}: {error}") from error
    except ValueError as error:
        raise FeedError(f"The answer is not JSON: {error}") from error


def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise FeedError(
                f"The answer is larger than {MAX_ANSWER_BYTES // 2**20} MB; ask for smaller pages."
            )
    return bytes(body)


def _found(value: Any, path: str) -> Any:
    """Follow a dotted path; None where it leads nowhere. An empty path is the value itself."""
    for part in filter(None, path.split(".")):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _row(record: Any, header: list[str]) -> ReadRow:
    if not isinstance(record, dict):
        return "not_an_object"
    row = [_as_text(_found(record, name)) for name in header]
    return row if is_clean(row) else "bad_encoding"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
