"""A model on disk: one `.npz` (no pickle), metadata inside, written whole or not at all, with sha256."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

METADATA_KEY = "metadata"


class DamagedArtefactError(Exception):
    """The file is not the one that was written."""


def save(path: Path, *, arrays: dict[str, npt.NDArray[Any]], metadata: dict[str, Any]) -> str:
    """Write `arrays` and `metadata` to `path` atomically and return the sha256 of the file in hex."""
    encoded = json.dumps(metadata, sort_keys=True).encode()
    buffer = io.BytesIO()
    stored = {**arrays, METADATA_KEY: np.frombuffer(encoded, dtype=np.uint8)}
    np.savez_compressed(buffer, allow_pickle=False, **stored)
    content = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return hashlib.sha256(content).hexdigest()


def load(path: Path, *, sha256: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read arrays and metadata back; raise `DamagedArtefactError` where the file's sha256 is not `sha256`."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DamagedArtefactError(f"{path.name} has sha256 {found}, expected {sha256}")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files if name != METADATA_KEY}
        metadata: dict[str, Any] = json.loads(stored[METADATA_KEY].tobytes())
    return arrays, metadata
