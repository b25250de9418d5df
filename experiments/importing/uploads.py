"""Uploaded files between the upload and the confirmed columns; a signed token names each, so no row has to."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import UploadedFile

from common.clock import now
from customers.importing.people.files import ListFile, examine

MAX_UPLOAD_BYTES = 100 << 20
KEPT = timedelta(days=1)
_PREFIX = "experiment-"
_SALT = "experiments.importing.uploads"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that waits for its columns to be confirmed, and the name that it came with."""

    path: Path
    name: str


def keep(upload: "UploadedFile[Any]") -> str:
    """Keep an uploaded file and return its token; older ones that were forgotten are deleted.

    Raises customers.importing.reading.UnreadableFile, saying what to do, for what is no table.
    """
    forget_old()
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{_PREFIX}{secrets.token_hex(16)}"
    path.touch(mode=0o600)
    try:
        with path.open("wb") as file:
            for chunk in upload.chunks():
                file.write(chunk)
        examine(path, whole=True)
    except BaseException:
        path.unlink()
        raise
    name = (upload.name or "experiment.csv")[:200].replace("\0", "").encode(errors="replace").decode()
    return signing.dumps([path.name, name], salt=_SALT, compress=True)


def kept(token: str) -> Upload | None:
    """The upload that a token names, None where the token is none of ours or the file is gone."""
    try:
        file, name = signing.loads(token, salt=_SALT, max_age=KEPT)
    except signing.BadSignature:
        return None
    path = _folder() / file
    return Upload(path, name) if path.is_file() else None


def examined(upload: Upload) -> ListFile:
    """How the file is to be read."""
    return examine(upload.path, whole=False)


def forget_old() -> int:
    """Delete uploads that nobody confirmed within a day; returns how many."""
    since = (now() - KEPT).timestamp()
    old = [path for path in _folder().glob(f"{_PREFIX}*") if path.stat().st_mtime < since]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _folder() -> Path:
    return Path(settings.IMPORTS_DIR)
