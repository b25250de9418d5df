"""Reads a source again from its beginning, without moving its cursor; and which files belong to which source."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from connectors.feeds import FeedError, matching, portions
from connectors.models import Source
from customers.quality.reconciling import Part


def parts_of(name: str) -> Iterable[Part] | None:
    """All parts of the source that goes by this name in the books, or None where it is none of ours."""
    source = Source.objects.filter(name=name.removeprefix("source:")).first()
    return _parts(source) if source is not None and name == source.books_name else None


def _parts(source: Source) -> Iterator[Part]:
    source.cursor = {}
    for portion in portions(source):
        yield portion.header, portion.rows


def files_of_sources(paths: Collection[Path]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Those of the files that a source reads from the drop folder, with its mapping."""
    folder = Path(settings.DROP_DIR).resolve()
    wanted = {path.resolve(): path for path in paths}
    for source in Source.objects.filter(kind=Source.Kind.FILE_DROP):
        try:
            read = matching(folder, source.location)
        except (FeedError, ValueError):
            continue
        yield from ((wanted[path.resolve()], source.mapping) for path in read if path.resolve() in wanted)
